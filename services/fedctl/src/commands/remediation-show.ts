import { Command } from '@commander-js/extra-typings'
import { RemediationSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { remediationSheet } from '../render/remediations.ts'
import { uuid } from '../values.ts'
import { present } from '../written.ts'

export const remediationShow = (run: Run) =>
  new Command('show')
    .description('one decision, with all it rested on and what was probed')
    .argument('<remediation>', 'its id (see: fedctl remediation list)', uuid)
    .action(
      run(async (session, id) => {
        const entry = present((await session.clients.remediation.getRemediation({ id })).remediation, 'a decision')
        const name = await namePeers(session)
        return {
          data: { remediation: plain(RemediationSchema, entry) },
          text: (canvas) => remediationSheet(entry, canvas, name),
        }
      }),
    )
