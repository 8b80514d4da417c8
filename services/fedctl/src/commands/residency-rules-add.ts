import { Command } from '@commander-js/extra-typings'
import { ResidencyRuleSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, mode, ofPeer, wait } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { enforcementText } from '../render/durations.ts'
import { ruleTable } from '../render/residency.ts'
import { listed } from '../values.ts'
import { plainEnforcement, present, written } from '../written.ts'

export const residencyRulesAdd = (run: Run) =>
  new Command('add')
    .description('data of a class may go to these regions only; with --id in place of the rule of that id')
    .requiredOption('--class <class>', 'which data; * for every class without a rule of its own')
    .requiredOption('--allow <regions>', 'where it may go, by commas', listed)
    .addOption(ofPeer())
    .addOption(mode())
    .option('--id <rule-id>', 'replace this rule', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, options) => {
        // In force everywhere when the call returns: there is nothing to wait for.
        const answer = await session.clients.residency.setResidencyRule({
          rule: {
            id: options.id,
            peerId: await peerIdOf(session, options.peer),
            dataClass: options.class,
            allowedRegions: options.allow,
            mode: options.mode ?? '',
          },
          dryRun: options.dryRun === true,
        })
        const rule = present(answer.rule, 'a rule')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { rule: plain(ResidencyRuleSchema, rule), enforcement: plainEnforcement(answer.enforcement) },
          text: (canvas) =>
            [ruleTable([rule], canvas, name), enforcementText(answer.enforcement)].filter(Boolean).join('\n'),
        })
      }),
    )
