import { Command } from '@commander-js/extra-typings'
import { GetAuthorityResponseSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { authorityText } from '../render/rotation.ts'

export const caShow = (run: Run) =>
  new Command('show')
    .description("the platform's CA, its generations, and a rotation if one is under way")
    .option('--pem', 'print the roots in use as PEM, and nothing else')
    .action(
      run(async (session, { pem }) => {
        const authority = await session.clients.authority.getAuthority({})
        return {
          data: plain(GetAuthorityResponseSchema, authority),
          text: (canvas) => (pem ? authority.rootsPem : authorityText(authority, canvas)),
        }
      }),
    )
