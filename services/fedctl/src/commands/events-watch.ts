import { Code, ConnectError } from '@connectrpc/connect'
import { Command } from '@commander-js/extra-typings'
import { FeedEventSchema, type FeedEvent } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import { eventFilter } from '../event-filter.ts'
import type { Run } from '../invoke.ts'
import { ofEventKind, ofPeer, ofSeverity, ofSource } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { eventLine } from '../render/events.ts'
import type { Session } from '../session.ts'

const TRY_AGAIN_MS = 1_000

export const eventsWatch = (run: Run) =>
  new Command('watch')
    .description('events as they happen, until Ctrl-C; one line each (with -o json one object a line)')
    .addOption(ofEventKind())
    .addOption(ofSource())
    .addOption(ofSeverity())
    .option('--since <time>', 'those before now as well: 2026-11-21T14:00:00Z, or 15m')
    .addOption(ofPeer())
    .option('--limit <count>', 'end after so many', Number, Infinity)
    .action(
      run(async (session, options) => {
        const filter = await eventFilter(session, options)
        const name = await namePeers(session)
        let shown = 0
        for await (const event of follow(session, filter)) {
          session.emit({
            data: plain(FeedEventSchema, event),
            text: (canvas) => eventLine(event, canvas, name),
          })
          shown += 1
          if (shown >= options.limit) break
        }
        return undefined
      }),
    )

type Filter = Awaited<ReturnType<typeof eventFilter>>

/** Goes on after the ledger was away, from the last event that was seen, so that none is missed or shown twice. */
async function* follow(session: Session, filter: Filter): AsyncIterable<FeedEvent> {
  const { clients, clock, signal } = session
  const seen = new Set<string>()
  let sinceLast = filter.since
  while (!signal.aborted) {
    try {
      const request = { ...filter, ...(sinceLast && { since: sinceLast }) }
      for await (const { event } of clients.ledger.watchEvents(request, { signal })) {
        if (!event || seen.has(event.id)) continue
        seen.add(event.id)
        sinceLast = event.at
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ConnectError) || error.code !== Code.Unavailable || !sinceLast) throw error
    }
    await clock.sleep(TRY_AGAIN_MS, signal)
  }
}
