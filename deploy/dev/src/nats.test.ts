import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as openSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as openTls } from 'node:tls'
import { createAuthority, issueCertificate, type Authority } from '@powernode/identity'
import { connect, type NatsConnection } from 'nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WORM } from '../../../libs/events/src/streams.ts'
import { BUS_SERVICES, HEARS, inboxPrefix, natsUsers } from '../../nats/permissions.ts'
import { findNatsServer, startNats, type Nats, type NatsOptions } from './nats.ts'

const trustDomain = 'a.test'
const never = new AbortController().signal
const dir = mkdtempSync(join(tmpdir(), 'powernode-nats-'))
const pki = join(dir, 'pki')
const connections: NatsConnection[] = []
let options: NatsOptions
let nats: Nats

async function issue(authority: Authority, kind: 'service' | 'operator', name: string, hosts: string[] = []) {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = new Date()
  const { chain } = await issueCertificate(authority, {
    holder: { publicKey: keys.publicKey.export({ format: 'der', type: 'spki' }) },
    spiffeId: { trustDomain, kind, name },
    hosts,
    notBefore: now,
    notAfter: new Date(now.getTime() + 3_600_000),
    usages: ['server', 'client'],
  })
  const pem = (der: Buffer) => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  writeFileSync(join(pki, `${name}.pem`), chain.map(pem).join(''))
  writeFileSync(join(pki, `${name}.key`), keys.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  writeFileSync(join(pki, 'ca.pem'), pem(authority.rootCertificate))
}

beforeAll(async () => {
  mkdirSync(pki)
  const authority = await createAuthority({ trustDomain, generation: 1, now: new Date() })
  await issue(authority, 'service', 'nats', ['127.0.0.1', 'localhost'])
  for (const service of [...BUS_SERVICES, 'federation-gateway']) await issue(authority, 'service', service)
  await issue(authority, 'operator', 'admin')
  options = {
    binary: await findNatsServer(join(import.meta.dirname, '../../../.cache/bin')),
    dir: join(dir, 'server'),
    tls: { cert: join(pki, 'nats.pem'), key: join(pki, 'nats.key'), ca: join(pki, 'ca.pem') },
    account: 'A',
    users: natsUsers(trustDomain),
    systemUser: `spiffe://${trustDomain}/service/nats`,
  }
  nats = await startNats(options, never)
})

afterAll(async () => {
  await Promise.allSettled(connections.map((connection) => connection.close()))
  await nats?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function as(name: string, inbox = inboxPrefix(name)): Promise<NatsConnection> {
  const tls = { caFile: join(pki, 'ca.pem'), certFile: join(pki, `${name}.pem`), keyFile: join(pki, `${name}.key`) }
  const connection = await connect({ servers: nats.url, tls, inboxPrefix: inbox, reconnect: false, timeout: LONG_MS })
  connections.push(connection)
  return connection
}

const nanos = (ms: number) => ms * 1_000_000
/** A no comes at once; that nothing came, on a busy machine, would be no answer. */
const LONG_MS = 60_000

describe('the users of the bus', () => {
  test('a service makes its own stream, announces there and hears what its row says', async () => {
    const registry = await as('peer-registry')
    const streams = (await registry.jetstreamManager({ timeout: LONG_MS })).streams
    await streams.add({ name: 'PEER_REGISTRY', subjects: ['fed.peer.>'] })
    await registry.jetstream({ timeout: LONG_MS }).publish('fed.peer.active.x', 'news', { msgID: '1' })

    const ledger = await as('audit-ledger')
    const consumers = (await ledger.jetstreamManager({ timeout: LONG_MS })).consumers
    await consumers.add('PEER_REGISTRY', {
      durable_name: 'audit-ledger--record-peer-registry',
      ack_policy: 'explicit' as never,
    })
    const message = await (
      await ledger.jetstream({ timeout: LONG_MS }).consumers.get('PEER_REGISTRY', 'audit-ledger--record-peer-registry')
    ).next()
    expect(message?.string()).toBe('news')
    expect(await message?.ackAck()).toBe(true)
  })

  test('nobody announces for another, nor unmakes or changes what was announced', async () => {
    const registry = await as('peer-registry')
    const { streams } = await registry.jetstreamManager({ timeout: LONG_MS })
    const forbidden: [string, () => Promise<unknown>][] = [
      [
        'announce a grant',
        () => registry.jetstream({ timeout: LONG_MS }).publish('fed.grant.issued.x', 'forged', { timeout: LONG_MS }),
      ],
      ['make a stream of another', () => streams.add({ name: 'GRANT_AUTHZ', subjects: ['fed.grant.>'] })],
      ['delete the stream', () => streams.delete('PEER_REGISTRY')],
      ['purge the stream', () => streams.purge('PEER_REGISTRY')],
      ['delete a message', () => streams.deleteMessage('PEER_REGISTRY', 1)],
      ['shorten its memory', () => streams.update('PEER_REGISTRY', { max_age: nanos(1000) })],
    ]
    for (const [what, attempt] of forbidden) {
      await expect(attempt(), what).rejects.toThrow(/Permissions Violation/)
    }
    expect((await streams.info('PEER_REGISTRY')).state.messages).toBe(1)
  })

  test('segments of the ledger are added by audit-ledger alone, and nobody unmakes them, it least of all', async () => {
    const ledger = await as('audit-ledger')
    const own = (await ledger.jetstreamManager({ timeout: LONG_MS })).streams
    await own.add({ name: WORM.stream, subjects: [...WORM.subjects], deny_delete: true, deny_purge: true })
    await ledger
      .jetstream({ timeout: LONG_MS })
      .publish('worm.platform', 'a segment', { expect: { lastSubjectSequence: 0 } })

    const unmake = async (name: string): Promise<[string, () => Promise<unknown>][]> => {
      const connection = await as(name)
      const { streams } = await connection.jetstreamManager({ checkAPI: false, timeout: LONG_MS })
      return [
        ['delete the stream', () => streams.delete(WORM.stream)],
        ['purge it', () => streams.purge(WORM.stream)],
        ['delete a message', () => streams.deleteMessage(WORM.stream, 1)],
        ['let it be emptied', () => streams.update(WORM.stream, { deny_purge: false })],
        ['shorten its memory', () => streams.update(WORM.stream, { max_age: nanos(1000) })],
        [
          'put back an older one',
          () => connection.request(`$JS.API.STREAM.RESTORE.${WORM.stream}`, '', { timeout: LONG_MS }),
        ],
        ['take it from the account', () => connection.request('$JS.API.ACCOUNT.PURGE.A', '', { timeout: LONG_MS })],
      ]
    }
    for (const name of BUS_SERVICES)
      for (const [what, attempt] of await unmake(name))
        await expect(attempt(), `${name}: ${what}`).rejects.toThrow(/Permissions Violation/)
    for (const name of BUS_SERVICES.filter((service) => service !== 'audit-ledger')) {
      const add = (await as(name))
        .jetstream({ timeout: LONG_MS })
        .publish('worm.platform', 'forged', { timeout: LONG_MS })
      await expect(add, name).rejects.toThrow(/Permissions Violation/)
    }
    expect((await own.info(WORM.stream)).state.messages).toBe(1)
    expect((await own.getMessage(WORM.stream, { last_by_subj: 'worm.platform' })).string()).toBe('a segment')
  })

  test('what denies deletion does not deny it to the stream: only who may call it does', async () => {
    const operator = (await (await as('admin', '_INBOX')).jetstreamManager({ timeout: LONG_MS })).streams
    await expect(operator.purge(WORM.stream)).rejects.toThrow(/purge/)
    await expect(operator.deleteMessage(WORM.stream, 1)).rejects.toThrow(/delete/)
    await expect(operator.update(WORM.stream, { deny_purge: false })).rejects.toThrow(/deny purge/)
    expect(await operator.delete(WORM.stream)).toBe(true)
  })

  test('nobody listens at the answers of another', async () => {
    const liveness = await as('liveness')
    const subscription = liveness.subscribe('_INBOX.peer-registry.>')
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toThrow(/Permissions Violation/)
  })

  test('nobody takes the news that another waits for', async () => {
    const authz = await as('grant-authz')
    const consumers = (await authz.jetstreamManager({ timeout: LONG_MS })).consumers
    const make = consumers.add('PEER_REGISTRY', { durable_name: 'grant-authz--other', ack_policy: 'explicit' as never })
    await expect(make).rejects.toThrow(/Permissions Violation/)
    const take = authz.request('$JS.API.CONSUMER.MSG.NEXT.PEER_REGISTRY.audit-ledger--record-peer-registry', '', {
      timeout: LONG_MS,
    })
    await expect(take).rejects.toThrow(/Permissions Violation/)
    await consumers.add('PEER_REGISTRY', {
      durable_name: 'grant-authz--operator-grant',
      ack_policy: 'explicit' as never,
    })
  })

  test('a certificate of ours without a row is not a user, and no certificate is no connection', async () => {
    await expect(as('federation-gateway')).rejects.toThrow(/Authorization/i)
    await expect(
      connect({ servers: nats.url, tls: { caFile: join(pki, 'ca.pem') }, reconnect: false }),
    ).rejects.toThrow()
  })

  test('the operator may: somebody has to be able to', async () => {
    const streams = (await (await as('admin', '_INBOX')).jetstreamManager({ timeout: LONG_MS })).streams
    await streams.update('PEER_REGISTRY', { max_age: nanos(86_400_000) })
    expect((await streams.info('PEER_REGISTRY')).config.max_age).toBe(nanos(86_400_000))
  })
})

test('the consumers that may be made are those the services make', async () => {
  for (const service of BUS_SERVICES) {
    const file = new URL(`../../../services/${service}/src/subscriptions.ts`, import.meta.url)
    const said: { SUBSCRIPTIONS?: readonly { stream: string; consumer: string }[] } = existsSync(file)
      ? await import(file.href)
      : {}
    const made = (said.SUBSCRIPTIONS ?? []).map(({ stream, consumer }) => `${stream}.${consumer}`)
    const allowed = Object.entries(HEARS[service] ?? {}).flatMap(([stream, names]) =>
      names.map((name) => `${stream}.${name}`),
    )
    expect(made.toSorted(), service).toEqual(allowed.toSorted())
  }
})

test('what was stored survives kill -9, and a wipe loses it', async () => {
  const { port } = nats
  nats.kill()
  await nats.stop()
  nats = await startNats({ ...options, port }, never)
  const info = await (
    await (await as('peer-registry')).jetstreamManager({ timeout: LONG_MS })
  ).streams.info('PEER_REGISTRY')
  expect(info.state.messages).toBe(1)
  await nats.wipe()
  nats = await startNats({ ...options, port }, never)
  const streams = (await (await as('peer-registry')).jetstreamManager({ timeout: LONG_MS })).streams
  await expect(streams.info('PEER_REGISTRY')).rejects.toThrow(/stream not found/)
})

test('a renewed certificate is shown after a reload, to new connections, without a restart', async () => {
  const pid = nats.pid
  const before = await shownSerial()
  const authority = await createAuthority({ trustDomain, generation: 2, now: new Date() })
  await issue(authority, 'service', 'nats', ['127.0.0.1', 'localhost'])
  nats.reload()
  await expect.poll(shownSerial).not.toBe(before)
  expect(nats.pid).toBe(pid)
})

/** The serial number of the certificate the server shows: read after its greeting, where NATS begins TLS. */
async function shownSerial(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = openSocket({ host: '127.0.0.1', port: nats.port })
    socket.once('error', reject)
    socket.once('data', () => {
      // Only to look at what is shown: nothing is sent and nothing believed.
      const tls = openTls({ socket, rejectUnauthorized: false }, () => {
        resolve(tls.getPeerX509Certificate()?.serialNumber ?? '')
        tls.destroy()
      })
      tls.once('error', reject)
    })
  })
}
