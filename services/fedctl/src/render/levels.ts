import type { ServiceLevel } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { lasting } from './durations.ts'
import { table } from './table.ts'
import { rtt } from './time.ts'

/** Peers under each other, the windows of one beside it; what nobody watched is a dash, and never a hundred percent. */
export function levelTable(levels: readonly ServiceLevel[], { to, width }: Canvas, name: NamePeers): string {
  if (levels.length === 0) return 'no peering has been heard of yet'
  const colour = ({ availability }: ServiceLevel) =>
    availability === undefined ? to.dim : availability >= GOOD ? to.good : availability >= FAIR ? to.warn : to.bad
  return table(
    levels,
    [
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'OVER', text: ({ window }) => window },
      { title: 'AVAILABLE', text: ({ availability }) => percent(availability, 3), colour },
      { title: 'HEARD', text: ({ heard }) => percent(heard, 3) },
      { title: 'HEARD THERE', text: ({ heardByThem }) => percent(heardByThem, 3) },
      { title: 'RTT p50', text: ({ roundTripP50 }) => rtt(roundTripP50) },
      { title: 'p99', text: ({ roundTripP99 }) => rtt(roundTripP99) },
      { title: 'LOST', text: ({ loss }) => percent(loss, 2) },
      { title: 'SILENCES', text: ({ silences }) => String(silences) },
      { title: 'LONGEST', text: ({ longestSilence }) => lasting(longestSilence) },
      { title: 'WATCHED', text: ({ coverage }) => percent(coverage, 1) },
    ],
    to,
    width,
  )
}

const GOOD = 0.999
const FAIR = 0.99

/** Cut, not rounded: what is not all is not shown as a hundred. */
function percent(part: number | undefined, digits: number): string {
  if (part === undefined) return '-'
  const scale = 10 ** digits
  return `${(Math.floor(part * 100 * scale) / scale).toFixed(digits)}%`
}
