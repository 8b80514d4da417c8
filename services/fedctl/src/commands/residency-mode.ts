import { Argument, Command } from '@commander-js/extra-typings'
import { ResidencyRulesSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, MODES, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { rulesText } from '../render/residency.ts'
import { plainEnforcement, present, written } from '../written.ts'

export const residencyMode = (run: Run) =>
  new Command('mode')
    .description('what holds for peers without a mode of their own, and where our own data is')
    .addArgument(new Argument('<mode>', 'off, advise (only say so) or enforce').choices(MODES))
    .option('--home-region <region>', 'where our own data is unless a resource says otherwise')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, mode, { homeRegion, dryRun: isDryRun }) => {
        if (mode === 'off' && !isDryRun)
          await session.confirm('Peers without a tag or a rule are then not looked at. Go on?')
        const answer = await session.clients.residency.setDefaultMode({
          mode,
          ...(homeRegion !== undefined && { homeRegion }),
          dryRun: isDryRun === true,
        })
        const rules = present(answer.rules, 'rules')
        const name = await namePeers(session)
        return written({
          dryRun: isDryRun,
          data: { rules: plain(ResidencyRulesSchema, rules), enforcement: plainEnforcement(answer.enforcement) },
          text: (canvas) => rulesText(rules, canvas, name),
        })
      }),
    )
