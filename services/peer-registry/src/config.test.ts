import { expect, test } from 'vitest'
import { configFrom } from './config.ts'

const WHOLE = {
  DATABASE_URL: 'postgres://peer_registry:geheim@127.0.0.1:5432/powernode',
  NATS_URL: 'nats://127.0.0.1:4222',
  IDENTITY_DIR: '/etc/powernode/peer-registry',
  TRUST_DOMAIN: 'a.example',
  LISTEN: '127.0.0.1:7001',
  METRICS_PORT: '9001',
  GATEWAY_ADDRESS: '127.0.0.1:7002',
  GRANT_AUTHZ_ADDRESS: '127.0.0.1:7005',
  AUDIT_LEDGER_ADDRESS: '127.0.0.1:7004',
  SPAWN_PROVISIONER_ADDRESS: '127.0.0.1:7006',
  SDWAN_COMPILER_ADDRESS: '127.0.0.1:7007',
  LIVENESS_ADDRESS: '127.0.0.1:7003',
  SEALING_KEY_FILE: '/etc/powernode/sealing.key',
  PLATFORM_NAME: 'Platform A',
  FEDERATION_ENDPOINTS: '[{"url":"https://a.example:8443"}]',
}

test('what is not said has a value that is safe, and what must be said has none', () => {
  const config = configFrom(WHOLE)
  expect(config.self.timers).toEqual({
    heartbeatIntervalMs: 60_000,
    staleAfterMs: 300_000,
    staleAfterMostMs: 3_600_000,
  })
  expect(config.self.window).toEqual({ min: 1, max: 1, features: [] })
  expect(config.self.endpoints).toEqual([{ url: 'https://a.example:8443', scope: 'wan', priority: 0, cidrHint: '' }])
  expect(JSON.stringify(config)).not.toContain('geheim')
})

test('everything wrong is said at once, each with its variable', () => {
  const wrong = {
    ...WHOLE,
    DATABASE_URL: undefined,
    METRICS_PORT: 'x',
    DISCLOSURE_PLATFORM_VERSION: 'v2',
    FEDERATION_ENDPOINTS: '[{"url":"http://a.example"}]',
  }
  for (const variable of ['DATABASE_URL', 'METRICS_PORT', 'DISCLOSURE_PLATFORM_VERSION', 'FEDERATION_ENDPOINTS'])
    expect(() => configFrom(wrong), variable).toThrow(variable)
})
