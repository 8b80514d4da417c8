import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { FeedEventSchema, type FeedEvent } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import { eventFilter } from '../event-filter.ts'
import type { Run } from '../invoke.ts'
import { ofEventKind, ofPeer, ofSeverity, ofSource } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { eventLine } from '../render/events.ts'
import type { Session } from '../session.ts'
import { since, whole } from '../values.ts'

const PAGE = 1_000

export const eventsList = (run: Run) =>
  new Command('list')
    .description('recent events, the newest last')
    .addOption(ofEventKind())
    .addOption(ofSource())
    .addOption(ofSeverity())
    .option('--since <time>', '2026-11-21T14:00:00Z, or 15m')
    .option('--until <time>', 'only before: 2026-11-21T15:00:00Z, or 5m')
    .addOption(ofPeer())
    .option('--limit <count>', 'at most so many', whole, 50)
    .option('--page <token>', 'go on where a listing before said that there is more')
    .action(
      run(async (session, options) => {
        const now = session.clock.now()
        const filter = {
          ...(await eventFilter(session, options)),
          ...(options.until !== undefined && { until: timestampFromDate(since(options.until, now)) }),
        }
        const { events, nextPage } = await newest(session, filter, options)
        const name = await namePeers(session)
        const oldestFirst = events.toReversed()
        return {
          data: { events: oldestFirst.map((event) => plain(FeedEventSchema, event)), next_page: nextPage },
          text: (canvas) => {
            const lines = oldestFirst.map((event) => eventLine(event, canvas, name)).join('\n') || 'no events'
            return nextPage === ''
              ? lines
              : `${canvas.to.dim(`earlier ones: the same with --page ${nextPage}`)}\n${lines}`
          },
        }
      }),
    )

type Asked = { readonly limit: number; readonly page?: string | undefined }
type Filter = Awaited<ReturnType<typeof eventFilter>>

/** The newest that fit, page after page. Where they end is where the next listing goes on. */
async function newest({ clients }: Session, filter: Filter, { limit, page = '' }: Asked) {
  const events: FeedEvent[] = []
  let pageToken = page
  do {
    const answer = await clients.ledger.recentEvents({
      ...filter,
      pageToken,
      limit: Math.min(PAGE, limit - events.length),
    })
    events.push(...answer.events)
    pageToken = answer.nextPageToken
  } while (pageToken !== '' && events.length < limit)
  return { events, nextPage: pageToken }
}
