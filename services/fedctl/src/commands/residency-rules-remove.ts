import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { enforcementText } from '../render/durations.ts'
import { plainEnforcement, written } from '../written.ts'

export const residencyRulesRemove = (run: Run) =>
  new Command('remove')
    .description('take a rule away')
    .argument('<rule-id>', 'see: fedctl residency rules')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, ruleId, options) => {
        if (!options.dryRun) await session.confirm(`Take rule ${ruleId} away?`)
        const said = { ruleId, dryRun: options.dryRun === true }
        const { enforcement } = await session.clients.residency.removeResidencyRule(said)
        return written({
          dryRun: options.dryRun,
          data: { rule_id: ruleId, enforcement: plainEnforcement(enforcement) },
          text: () => [`rule ${ruleId} is gone`, enforcementText(enforcement)].filter(Boolean).join('\n'),
        })
      }),
    )
