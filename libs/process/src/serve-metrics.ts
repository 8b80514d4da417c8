import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics } from 'prom-client'
import type { Metrics } from './metrics.ts'

/**
 * How often the event loop is looked at, in milliseconds. The library's 10 wake an idle process a hundred times a second,
 * which is dear where the machine is emulated.
 */
const LAG_EVERY_MS = 250

type Listen = {
  readonly port: number
  readonly host?: string
  readonly onListening?: (port: number) => void
}

/**
 * Serves `GET /metrics` for Prometheus until `signal` aborts, with the process's own figures (memory, event loop, GC).
 *
 * On its own port and on loopback unless told otherwise: it answers without a certificate, so it must not stand beside
 * the doors that ask for one.
 */
export async function serveMetrics(metrics: Metrics, listen: Listen, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  if (!metrics.registry.getSingleMetric('process_start_time_seconds')) {
    collectDefaultMetrics({ register: metrics.registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
  }
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (req, res) => {
    answer(metrics, req, res).catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(listen.port, listen.host ?? '127.0.0.1')
  await once(server, 'listening')
  listen.onListening?.((server.address() as AddressInfo).port) // a TCP server's address is never a string
  if (!signal.aborted) await once(signal, 'abort')
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

async function answer({ registry }: Metrics, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method !== 'GET' || req.url !== '/metrics') {
    res.writeHead(404).end()
    return
  }
  const text = await registry.metrics()
  res.writeHead(200, { 'content-type': registry.contentType }).end(text)
}
