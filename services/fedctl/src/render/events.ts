import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { Entry, FeedEvent } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmless } from './paint.ts'
import { table } from './table.ts'
import { moment } from './time.ts'
import { what } from './what.ts'
import { word } from './words.ts'

/** One event, one line: 2026-11-21 14:05:31  medium  federation.peer.degraded  <peer>  by service/liveness. */
export function eventLine(event: FeedEvent, { to }: Canvas, name: NamePeers = (text) => text): string {
  const severity = word(Severity, event.severity)
  const colours: Readonly<Record<string, (text: string) => string>> = {
    low: to.dim,
    medium: to.warn,
    high: to.bad,
    critical: to.bad,
  }
  return [
    to.dim(moment(event.at)),
    (colours[severity] ?? ((text: string) => text))(severity.padEnd(8)),
    harmless(event.kind.padEnd(36)),
    harmless(name(event.peerId) || '-').padEnd(12),
    to.dim(`by ${harmless(name(event.actor))}`),
  ].join('  ')
}

export function entryTable(entries: readonly Entry[], { to, width }: Canvas, name: NamePeers): string {
  if (entries.length === 0) return 'no entries'
  return table(
    entries,
    [
      { title: 'SEQ', text: ({ sequence }) => String(sequence) },
      { title: 'AT (UTC)', text: ({ at }) => moment(at) },
      { title: 'ACTION', text: ({ action }) => action },
      { title: 'ACTOR', text: ({ actor }) => name(actor) || '-' },
      { title: 'HASH', text: ({ hash }) => Buffer.from(hash).toString('hex').slice(0, 12) },
      { title: 'WHAT', text: ({ payload }) => what(payload) },
    ],
    to,
    width,
  )
}
