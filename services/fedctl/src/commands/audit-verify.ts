import { Command } from '@commander-js/extra-typings'
import { VerifyLogResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import { plain } from '../plain.ts'

export const auditVerify = (run: Run) =>
  new Command('verify')
    .description('recompute the hash chain of a log, and say where it breaks')
    .argument('[peer]', 'id, name or platform id; "platform" for what concerns no peer', 'platform')
    .action(
      run(async (session, named) => {
        const result = await session.clients.ledger.verifyLog({ peerId: await logIdOf(session, named) })
        return {
          data: plain(VerifyLogResponseSchema, result),
          text: ({ to }) =>
            result.intact
              ? `${to.good('intact')}  ${result.size} entries, head ${Buffer.from(result.head).toString('hex')}`
              : `${to.bad('broken')}  at entry ${result.brokenAt}: ${result.detail}`,
          exit: result.intact ? EXIT.done : EXIT.fault,
        }
      }),
    )
