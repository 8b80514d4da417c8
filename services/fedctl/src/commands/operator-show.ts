import { Command } from '@commander-js/extra-typings'
import { OperatorSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { knownOperator } from '../known-operator.ts'
import { plain } from '../plain.ts'
import { operatorSheet } from '../render/operators.ts'

export const operatorShow = (run: Run) =>
  new Command('show')
    .description('one operator: roles, and what they come to')
    .argument('<name>', 'as in the certificate: operator/<name>')
    .action(
      run(async (session, name) => {
        const operator = await knownOperator(session, name)
        return {
          data: { operator: plain(OperatorSchema, operator) },
          text: (canvas) => operatorSheet(operator, canvas),
        }
      }),
    )
