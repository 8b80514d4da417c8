import { Command } from '@commander-js/extra-typings'
import { OperatorSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { operatorTable } from '../render/operators.ts'

export const operatorList = (run: Run) =>
  new Command('list').description('who may do something here: people and agents').action(
    run(async (session) => {
      const { operators } = await session.clients.operators.listOperators({})
      return {
        data: { operators: operators.map((operator) => plain(OperatorSchema, operator)) },
        text: (canvas) => operatorTable(operators, canvas),
      }
    }),
  )
