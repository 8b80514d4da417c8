import { Command } from '@commander-js/extra-typings'
import { FindingSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { findFinding } from '../every-finding.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { findingSheet } from '../render/findings.ts'

export const findingShow = (run: Run) =>
  new Command('show')
    .description('one finding with what was seen, and what mends it')
    .argument('<finding>', 'its id, or the end of it')
    .action(
      run(async (session, id) => {
        const finding = await findFinding(session, id)
        const name = await namePeers(session)
        return {
          data: { finding: plain(FindingSchema, finding) },
          text: (canvas) => findingSheet(finding, canvas, name),
        }
      }),
    )
