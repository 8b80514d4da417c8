import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import type { ListAuditExcerptsResponse } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { callHeaders } from '../bearer.ts'
import { plainEntry } from '../entries.ts'
import { entryOfLeaf } from '../excerpt.ts'
import type { Run } from '../invoke.ts'
import { peer } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { entryTable } from '../render/entries.ts'
import { moment } from '../render/time.ts'
import { plural } from '../render/words.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { since, whole } from '../values.ts'

const LIMIT = 1_000

export const auditExcerpts = (run: Run) =>
  new Command('excerpts')
    .description('what a peer has written down about us, asked over the border: of the last 90 days')
    .addArgument(peer())
    .option('--since <time>', '2026-11-21T14:00:00Z, or 15m (default: 90 days before the end)')
    .option('--until <time>', '2026-11-21T15:00:00Z, or 5m (default: now)')
    .option('--limit <count>', `at most so many, up to 5000 (default ${LIMIT})`, whole, LIMIT)
    .option('--from <sequence>', 'go on from this entry of theirs', whole, 0)
    .action(
      run(async (session, named, options) => {
        const { id, name } = await resolvePeer(session, named)
        const now = session.clock.now()
        const at = (text: string) => timestampFromDate(since(text, now))
        const request = {
          limit: options.limit,
          start: BigInt(options.from),
          ...(options.since !== undefined && { since: at(options.since) }),
          ...(options.until !== undefined && { until: at(options.until) }),
        }
        const answer = await session.clients.border.listAuditExcerpts(request, callHeaders(id, {}, session.env))
        const entries = answer.entries.map(entryOfLeaf)
        const naming = await namePeers(session)
        return {
          data: {
            peer_id: id,
            their_id_of_us: answer.peerId,
            entries: entries.map(plainEntry),
            next_start: Number(answer.nextStart),
            checkpoint: answer.checkpoint,
          },
          text: (canvas) => {
            const more =
              answer.nextStart > 0n ? `; more: fedctl audit excerpts ${named} --from ${answer.nextStart}` : ''
            const head = `${name || id} wrote ${plural(entries.length, 'entry', 'entries')} about us${windowOf(answer)}`
            return `${entryTable(entries, canvas, naming)}\n${canvas.to.dim(`${head}${canvas.paste(more)}`)}`
          },
        }
      }),
    )

const windowOf = ({ since, until }: ListAuditExcerptsResponse): string =>
  since && until ? `, from ${moment(since)} to ${moment(until)}` : ''
