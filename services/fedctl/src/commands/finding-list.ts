import { Command } from '@commander-js/extra-typings'
import { FindingSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { EXIT } from '../exit-codes.ts'
import { everyFinding } from '../every-finding.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { findingTable, isNew } from '../render/findings.ts'

export const findingList = (run: Run) =>
  new Command('list')
    .description('what is wrong with how peerings stand, the gravest first')
    .addOption(ofPeer())
    .option('--kind <kind>', 'only of this kind, for example peer_cert_expiring', '')
    .option('--all', 'also those that have closed')
    .option('--new', 'only those that nobody has acknowledged')
    .action(
      run(async (session, { peer, kind, all, new: unacknowledgedOnly = false }) => {
        const peerId = await peerIdOf(session, peer)
        const asked = { peerId, kind, includeClosed: all === true, unacknowledgedOnly }
        const { findings, scannedAt, unread } = await everyFinding(session, asked)
        const name = await namePeers(session)
        const waiting = findings.some(isNew)
        return {
          data: { findings: findings.map((finding) => plain(FindingSchema, finding)), scanned_at: scannedAt, unread },
          text: (canvas) => findingTable({ findings, scannedAt, unread }, canvas, name),
          exit: waiting ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
