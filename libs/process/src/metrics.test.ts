import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { serveMetrics } from './serve-metrics.ts'

test('two who ask for one name count into one metric', async () => {
  const metrics = createMetrics('liveness')
  metrics.counter('rpc_total', 'calls', ['outcome']).inc({ outcome: 'ok' })
  metrics.counter('rpc_total', 'calls', ['outcome']).inc({ outcome: 'ok' })
  expect(await metrics.registry.metrics()).toContain('rpc_total{outcome="ok",service="liveness"} 2')
  expect(() => metrics.gauge('rpc_total', 'calls')).toThrow('another kind')
})

test('metrics are served on loopback until stopped', async () => {
  const metrics = createMetrics('liveness')
  metrics.gauge('peers', 'how many').set(3)
  const stop = new AbortController()
  const listening = Promise.withResolvers<number>()
  const serving = serveMetrics(metrics, { port: 0, onListening: listening.resolve }, stop.signal)
  const base = `http://127.0.0.1:${await listening.promise}`

  const answer = await fetch(`${base}/metrics`)
  expect(answer.headers.get('content-type')).toContain('text/plain')
  const text = await answer.text()
  expect(text).toContain('peers{service="liveness"} 3')
  expect(text).toContain('process_resident_memory_bytes')
  expect((await fetch(`${base}/`)).status).toBe(404)
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(404)

  stop.abort()
  await serving
  await expect(fetch(`${base}/metrics`)).rejects.toThrow('fetch failed')
})
