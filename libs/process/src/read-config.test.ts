import { expect, test } from 'vitest'
import { z } from 'zod'
import { durationMs, filePath, flag, hostPort, port, secret } from './config-pieces.ts'
import { ConfigInvalid, readConfig } from './read-config.ts'

const schema = z
  .object({
    RPC_ADDRESS: hostPort,
    METRICS_PORT: port,
    TLS_DIR: filePath,
    STALE_AFTER: durationMs.default(300_000),
    STRICT: flag.default(false),
    DATABASE_PASSWORD: secret.describe('the password of the service role'),
  })
  .transform((env) => ({ rpc: env.RPC_ADDRESS, metricsPort: env.METRICS_PORT, staleAfterMs: env.STALE_AFTER, env }))

const good = {
  RPC_ADDRESS: '[::1]:7001',
  METRICS_PORT: '0',
  TLS_DIR: '/etc/powernode/tls',
  STALE_AFTER: '5m',
  STRICT: 'true',
  DATABASE_PASSWORD: 'open sesame',
}

test('a good environment becomes typed values', () => {
  const config = readConfig(schema, good)
  expect(config).toMatchObject({ rpc: { host: '::1', port: 7001 }, metricsPort: 0, staleAfterMs: 300_000 })
  expect(config.env.STRICT).toBe(true)
  expect(config.env.DATABASE_PASSWORD.reveal()).toBe('open sesame')
})

test('everything wrong is reported at once, each by its variable and its fix', () => {
  const plain = z.object({ RPC_ADDRESS: hostPort, METRICS_PORT: port, STALE_AFTER: durationMs })
  const read = () => readConfig(plain, { RPC_ADDRESS: 'localhost', METRICS_PORT: '70000', STALE_AFTER: '' })
  expect(read).toThrow(ConfigInvalid)
  expect(problemsOf(read)).toEqual([
    'RPC_ADDRESS: is not host:port; set it to host:port, or [address]:port for IPv6',
    'METRICS_PORT: is larger than 65535; set it to a port number, 0 to 65535',
    'STALE_AFTER: is not set; set it to a length of time such as 250ms, 30s, 5m, 12h or 7d',
  ])
})

test('the fix is named also when the schema turns its variables into something else', () => {
  expect(problemsOf(() => readConfig(schema, { ...good, METRICS_PORT: 'x' }))).toEqual([
    'METRICS_PORT: is not a port number; set it to a port number, 0 to 65535',
  ])
  expect(problemsOf(() => readConfig(schema, { ...good, STALE_AFTER: '5' }))).toEqual([
    'STALE_AFTER: is not a length of time with a unit; set it to a length of time such as 250ms, 30s, 5m, 12h or 7d',
  ])
})

test('no value is repeated in a problem', () => {
  const strict = z.object({ TOKEN: z.string().min(32), MODE: z.enum(['a', 'b']), N: z.coerce.number() })
  const problems = problemsOf(() => readConfig(strict, { TOKEN: 'hunter2', MODE: 'hunter2', N: 'hunter2' }))
  expect(problems).toHaveLength(3)
  expect(problems.join()).not.toContain('hunter2')
})

test('a length of time without a unit is refused', () => {
  for (const text of ['30', '1.5s', 's', '-1s', '30 s', '1w']) expect(durationMs.safeParse(text).success).toBe(false)
  expect(['250ms', '30s', '5m', '12h', '7d'].map((text) => durationMs.parse(text))).toEqual([
    250, 30_000, 300_000, 43_200_000, 604_800_000,
  ])
})

test.each(['host', ':1', 'host:', '::1:80', 'a b:1', 'http://host:1', 'host:99999'])('%s is not host:port', (text) => {
  expect(hostPort.safeParse(text).success).toBe(false)
})

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems
    throw error
  }
  return []
}
