import type { Metrics } from '@powernode/process'
import type { Dropped } from './why-dropped.ts'
import type { Identity } from './identity.ts'

/** What the door counts. Labels are closed lists; a peer is never one, since peers are many and come and go. */
export type DoorMetrics = {
  readonly dropped: (why: Dropped) => void
  readonly handshake: (result: Identity['kind']) => void
  readonly connections: (kind: 'stranger' | 'caller', change: 1 | -1) => void
}

export function doorMetrics(metrics: Metrics): DoorMetrics {
  const dropped = metrics.counter('fed_gateway_dropped_connections_total', 'Connections closed before any call', [
    'why',
  ])
  const handshakes = metrics.counter('fed_gateway_handshakes_total', 'TLS handshakes by who was found behind them', [
    'result',
  ])
  const open = metrics.gauge('fed_gateway_connections', 'Connections at the door for peers', ['kind'])
  return {
    dropped: (why) => dropped.inc({ why }),
    handshake: (result) => handshakes.inc({ result }),
    connections: (kind, change) => open.inc({ kind }, change),
  }
}
