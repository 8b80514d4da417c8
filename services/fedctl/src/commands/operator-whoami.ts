import { Command } from '@commander-js/extra-typings'
import { WhoAmIResponseSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { whoAmIText } from '../render/operators.ts'

export const operatorWhoami = (run: Run) =>
  new Command('whoami').description('who you are here, and what you may').action(
    run(async (session) => {
      const answer = await session.clients.operators.whoAmI({})
      return { data: plain(WhoAmIResponseSchema, answer), text: (canvas) => whoAmIText(answer, canvas) }
    }),
  )
