import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { ensureStream, openBus, STREAM_NAMES, subjectsOf } from '@powernode/events'
import { publishSigned, startTestNats, until } from '@powernode/events/testing'
import { createSealingKeyFile } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { everythingTo, tellsOperators } from '@powernode/operators/testing'
import { createLogger, createMetrics, Secret } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { EventSchema, Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { createClient, serve } from '@powernode/rpc'
import { everyOperator } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { run } from './service.ts'
import { happening, testLedger } from './testing.ts'

const TRUST_DOMAIN = 'a.test'

test('the service writes down what it hears over TLS, and shows it to an operator', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-test-ledger-'))
  const dirOf = (name: string) => join(dir, name)
  const authority = await makeTestAuthority(TRUST_DOMAIN)
  for (const name of ['audit-ledger', 'grant-authz', 'nats'])
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name }, dirOf(name))
  await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'operator', name: 'alice' }, dirOf('alice'))

  createSealingKeyFile(dirOf('sealing.key'))
  const own = dirOf('nats')
  const tls = `cert_file: "${own}/cert.pem", key_file: "${own}/key.pem", ca_file: "${own}/roots.pem", verify: true`
  const [ledger, nats] = await Promise.all([testLedger(), startTestNats(`tls { ${tls} }`)])
  const stopping = new AbortController()
  const logger = createLogger('test', { level: 'silent' })
  const grantAuthz = Promise.withResolvers<number>()
  const telling = serve(
    {
      name: 'grant-authz',
      listen: { host: '127.0.0.1', port: 0 },
      tlsDir: dirOf('grant-authz'),
      trustDomain: TRUST_DOMAIN,
      services: [tellsOperators(() => everythingTo('alice'))],
      operators: everyOperator,
      clock: systemClock,
      logger,
      metrics: createMetrics('test'),
      onListening: grantAuthz.resolve,
    },
    stopping.signal,
  )
  const { promise: listening, resolve: onListening } = Promise.withResolvers<number>()
  const config = {
    databaseUrl: new Secret(ledger.url),
    natsUrl: nats.url,
    identityDir: dirOf('audit-ledger'),
    trustDomain: TRUST_DOMAIN,
    listen: { host: '127.0.0.1', port: 0 },
    metricsPort: 0,
    peerRegistryAddress: { host: '127.0.0.1', port: 1 },
    grantAuthzAddress: { host: '127.0.0.1', port: await grantAuthz.promise },
    gatewayAddress: { host: '127.0.0.1', port: 1 },
    sealingKey: { file: dirOf('sealing.key'), previousFile: undefined },
    files: { dir: dirOf('ledger'), required: false, sealIntervalMs: 300_000 },
    mirror: { quota: { bytes: 1e9, bytesPerMinute: 1e9 }, doubtMs: 1_000, reconcileEveryMs: 86_400_000 },
    tlogListen: { host: '127.0.0.1', port: 0 },
    witnessPolicyFile: undefined,
    entriesKeptForMs: undefined,
  }
  const running = run(config, stopping.signal, { logger, onListening })

  const bus = await openBus({ servers: nats.url, tlsDir: dirOf('grant-authz'), name: 'grant-authz' })
  for (const name of STREAM_NAMES) await ensureStream(bus, { name, subjects: subjectsOf(name) }, stopping.signal)
  const { id, peerId } = happening(1)
  const at = systemClock.now()
  const payload = anyPack(GrantChangedSchema, create(GrantChangedSchema, { grant: { id: 'g-1', peerId } }))
  const said = { id, peerId, kind: 'federation.grant.issued', source: 'grant-authz', actor: 'service/grant-authz' }
  const event = create(EventSchema, { ...said, severity: Severity.HIGH, at: timestampFromDate(at), payload })
  await publishSigned(bus, 'fed.grant.issued.g-1', toBinary(EventSchema, event))

  const address = { host: '127.0.0.1', port: await listening }
  const operator = { address, server: 'audit-ledger', trustDomain: TRUST_DOMAIN, tlsDir: dirOf('alice') }
  const client = createClient(AuditLedgerService, { ...operator, clock: systemClock, logger }, stopping.signal)
  await until(async () => (await client.listEntries({ log: peerId })).entries.length > 0)
  const { entries } = await client.listEntries({ log: peerId })
  expect(entries).toHaveLength(1)
  expect(entries[0]).toMatchObject({
    sequence: 0n,
    action: 'federation.grant.issued',
    id,
  })
  expect(JSON.parse(Buffer.from(entries[0]?.payload ?? []).toString())).toMatchObject({
    actor: 'service/grant-authz',
    federation_peer_id: peerId,
    grant: { id: 'g-1', peer_id: peerId },
  })
  for await (const { event } of client.watchEvents({ since: timestampFromDate(at) })) {
    expect(event).toMatchObject({ kind: 'federation.grant.issued', severity: Severity.HIGH, peerId })
    break
  }

  stopping.abort()
  await Promise.all([running, telling])
  await bus.close()
  await nats.stop()
  await ledger.drop()
  rmSync(dir, { recursive: true })
})
