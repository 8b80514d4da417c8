import { Command } from '@commander-js/extra-typings'
import { FindingSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { findFinding } from '../every-finding.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { findingSheet } from '../render/findings.ts'
import { present, written } from '../written.ts'

export const findingAck = (run: Run) =>
  new Command('ack')
    .description('say that you have seen it, and what comes of it; it stays open until it is so no more')
    .argument('<finding>', 'its id, or the end of it')
    .requiredOption('--note <text>', 'what comes of it; stands in the ledger')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, id, { note, dryRun: isDryRun }) => {
        const { id: whole } = await findFinding(session, id)
        const said = { id: whole, note, dryRun: isDryRun === true }
        const finding = present((await session.clients.governance.acknowledgeFinding(said)).finding, 'a finding')
        const name = await namePeers(session)
        return written({
          dryRun: isDryRun,
          data: { finding: plain(FindingSchema, finding) },
          text: (canvas) => findingSheet(finding, canvas, name),
        })
      }),
    )
