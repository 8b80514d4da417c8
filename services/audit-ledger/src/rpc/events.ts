import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { FeedEventSchema } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { Severity as WireSeverity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import type { Happening, Severity } from '../happening.ts'
import { beginFeed, readFeed } from '../operations/events/read-feed.ts'
import { recentEvents } from '../operations/events/recent-events.ts'
import type { Filter } from '../store/events.ts'
import { actIn, type DoorDeps } from './door.ts'
import { eventPageToken, readEventPageToken } from './event-page.ts'
import type { Watchers } from './watchers.ts'

export const EVENT_CALLERS = {
  recentEvents: ['system.federation.read'],
  watchEvents: ['system.federation.read'],
} as const satisfies Partial<CallersTable<typeof AuditLedgerService>>

export type EventDeps = DoorDeps & { readonly watchers: Watchers }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, keyof typeof EVENT_CALLERS>

const DEFAULT_LIMIT = 100
/** A watcher looks by itself this often, should a wake-up ever be lost. */
const SLOW_TIMER_MS = 5_000

/** What operators are shown of what happens. */
export function eventHandlers({ db, clock, watchers }: EventDeps): Handlers {
  const act = actIn({ db, clock })

  return {
    async recentEvents(request) {
      const filter = filterFromWire(request)
      const page = readEventPageToken(request.pageToken, filter, clock.now())
      const said = { filter, page, limit: request.limit || DEFAULT_LIMIT }
      const { events, next } = await act((tx, now) => recentEvents(tx, now, said))
      return { events: events.map(eventToWire), nextPageToken: next ? eventPageToken(next, filter) : '' }
    },

    /** One cursor from history into the present: what lies behind it was sent, what lies before it was not. */
    async *watchEvents(request, { signal }) {
      const filter = filterFromWire(request)
      const { bell, leave } = watchers.join()
      try {
        let cursor = await act((tx, now) => beginFeed(tx, now, filter))
        while (!signal.aborted) {
          const said = { filter, cursor }
          const read = await act((tx, now) => readFeed(tx, now, said))
          for (const event of read.events) yield { event: eventToWire(event) }
          cursor = read.cursor
          if (!read.more) await bell.wait(clock, SLOW_TIMER_MS, signal)
        }
      } finally {
        leave()
      }
    },
  }
}

const SEVERITIES = {
  low: WireSeverity.LOW,
  medium: WireSeverity.MEDIUM,
  high: WireSeverity.HIGH,
  critical: WireSeverity.CRITICAL,
} as const satisfies Record<Severity, WireSeverity>

const FROM_WIRE: Readonly<Record<WireSeverity, Severity | undefined>> = {
  [WireSeverity.UNSPECIFIED]: undefined,
  [WireSeverity.LOW]: 'low',
  [WireSeverity.MEDIUM]: 'medium',
  [WireSeverity.HIGH]: 'high',
  [WireSeverity.CRITICAL]: 'critical',
}

function eventToWire(event: Happening): MessageInitShape<typeof FeedEventSchema> {
  const { id, kind, severity, source, peerId, actor, at, correlationId, payload } = event
  const when = { severity: SEVERITIES[severity], at: timestampFromDate(at) }
  return { id, kind, source, peerId, actor, correlationId, payload, ...when }
}

function filterFromWire(said: {
  readonly kindPrefix: string
  readonly source: string
  readonly peerId: string
  readonly severity: WireSeverity
  readonly since?: Timestamp | undefined
  readonly until?: Timestamp | undefined
}): Filter {
  const { kindPrefix, source, peerId, severity, since, until } = said
  return {
    kindPrefix,
    source,
    peerId: peerId.toLowerCase(),
    severity: FROM_WIRE[severity],
    since: since && timestampDate(since),
    until: until && timestampDate(until),
  }
}
