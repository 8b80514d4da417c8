import { Command } from '@commander-js/extra-typings'
import { FindingSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { findingTable } from '../render/findings.ts'
import { plural } from '../render/words.ts'

/** A look at many peers asks much of many. */
const PATIENCE_MS = 60_000

export const findingScan = (run: Run) =>
  new Command('scan')
    .description('look at all peerings now, or one; by itself it is done every minute')
    .addOption(ofPeer())
    .action(
      run(async (session, { peer }) => {
        const peerId = await peerIdOf(session, peer)
        const { findings, opened, closed, peers, unread } = await session.clients.governance.scanGovernance(
          { peerId },
          { timeoutMs: PATIENCE_MS },
        )
        const name = await namePeers(session)
        const waiting = findings.some(({ acknowledgedAt }) => !acknowledgedAt)
        return {
          data: { findings: findings.map((one) => plain(FindingSchema, one)), opened, closed, peers, unread },
          text: (canvas) =>
            [
              findingTable({ findings, scannedAt: canvas.now, unread }, canvas, name),
              `${plural(peers, 'peer')} looked at: ${opened} opened, ${closed} closed`,
            ].join('\n\n'),
          exit: waiting || unread.length > 0 ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
