import { Argument, Command } from '@commander-js/extra-typings'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { grantIdOf } from '../grant-id.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { grantSheet } from '../render/grants.ts'
import { present } from '../written.ts'

export const grantArgument = () => new Argument('<grant>', 'its id (see: fedctl grant list); never the bearer')

export const grantShow = (run: Run) =>
  new Command('show')
    .description('everything about one grant we gave')
    .addArgument(grantArgument())
    .action(
      run(async (session, named) => {
        const answer = await session.clients.grants.getGrant({ grantId: grantIdOf(named) })
        const grant = present(answer.grant, 'a grant')
        const name = await namePeers(session)
        return { data: { grant: plain(GrantSchema, grant) }, text: (canvas) => grantSheet(grant, canvas, name) }
      }),
    )
