import { Command } from '@commander-js/extra-typings'
import { RemediationSchema, type Remediation } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { remediationTable } from '../render/remediations.ts'
import { whole } from '../values.ts'

/** The diary grows for ninety days: a person reads its end. */
const SHOWN = 50
const PAGE = 1_000

export const remediationList = (run: Run) =>
  new Command('list')
    .description('the diary: what was decided about peers and what came of it, newest first')
    .addOption(ofPeer())
    .option('--limit <count>', 'so many at most', whole, SHOWN)
    .action(
      run(async (session, { peer, limit }) => {
        const peerId = await peerIdOf(session, peer)
        const entries: Remediation[] = []
        let pageToken = ''
        do {
          const pageSize = Math.min(PAGE, limit - entries.length)
          const page = await session.clients.remediation.listRemediations({ peerId, pageSize, pageToken })
          entries.push(...page.remediations)
          pageToken = page.nextPageToken
        } while (pageToken !== '' && entries.length < limit)
        const name = await namePeers(session)
        return {
          data: { remediations: entries.map((entry) => plain(RemediationSchema, entry)) },
          text: (canvas) => remediationTable(entries, canvas, name),
        }
      }),
    )
