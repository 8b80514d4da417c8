import { Command } from '@commander-js/extra-typings'
import { ResidencyRulesSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { rulesText } from '../render/residency.ts'
import { present } from '../written.ts'
import { residencyRulesAdd } from './residency-rules-add.ts'
import { residencyRulesRemove } from './residency-rules-remove.ts'

export const residencyRules = (run: Run) =>
  new Command('rules')
    .description('which data may go where, and which regions there are; add or remove a rule')
    .addCommand(residencyRulesAdd(run))
    .addCommand(residencyRulesRemove(run))
    .action(
      run(async (session) => {
        const answer = await session.clients.residency.getResidencyRules({})
        const rules = present(answer.rules, 'rules')
        const name = await namePeers(session)
        return {
          data: { rules: plain(ResidencyRulesSchema, rules) },
          text: (canvas) => rulesText(rules, canvas, name),
        }
      }),
    )
