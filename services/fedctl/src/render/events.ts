import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { FeedEvent } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmlessLine } from './paint.ts'
import { moment } from './time.ts'
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
    harmlessLine(event.kind.padEnd(36)),
    harmlessLine(name(event.peerId) || '-').padEnd(12),
    to.dim(`by ${harmlessLine(name(event.actor))}`),
  ].join('  ')
}
