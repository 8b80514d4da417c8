import type { JsonObject } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import {
  CatalogueService,
  ResourceService,
  type WatchResourcesResponse,
} from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { declareKinds } from '../operations/catalogue/declare-kinds.ts'
import { ResourceBell } from '../resources/resource-bell.ts'
import type { Tables } from '../store/tables.ts'
import { sweepTerms } from '../sweeps/terms.ts'
import { NOW, testGrants } from '../testing.ts'
import { aKind } from '../testing/residency.ts'
import { CATALOGUE_CALLERS, catalogueHandlers } from './catalogue.ts'
import { RESOURCE_CALLERS, resourceHandlers } from './resources.ts'

let database: TestDatabase<Tables>
let server: TestServer
let clock: FakeClock
let stopping: AbortController
let running: Promise<unknown>
const metrics = createMetrics('test')
const KINDS = [
  aKind('NodeModule', { sensitiveFields: ['credentials'] }),
  aKind('network', { dataClass: 'topology', region: 'eu' }),
  aKind('ticket', { writable: true, sensitiveFields: ['notes'] }),
]

beforeEach(async () => {
  database = await testGrants()
  clock = new FakeClock(NOW)
  stopping = new AbortController()
  const { db } = database
  await inTransaction(db, (tx) => declareKinds(tx, NOW, { inventory: KINDS, ownAddress: 'own:1' }))
  const bell = new ResourceBell(metrics)
  const logger = createLogger('test', { level: 'silent' })
  running = Promise.all([
    bell.run(testListener({ url: database.url, clock }), stopping.signal),
    sweepTerms({ db, clock, logger }, stopping.signal),
  ])
  server = startTestServer(
    mount(ResourceService, resourceHandlers({ db, clock, bell }), RESOURCE_CALLERS),
    mount(CatalogueService, catalogueHandlers({ db, clock }), CATALOGUE_CALLERS),
  )
})
afterEach(async () => {
  server.stop()
  stopping.abort()
  await running
  await database.drop()
})

const alice = () => server.clientAs(CatalogueService, { kind: 'operator', name: 'alice' })
const gateway = () => server.clientAs(ResourceService, { kind: 'service', name: 'federation-gateway' })
const put = (id: string, record: JsonObject = { name: id }, kind = 'NodeModule') =>
  alice().putResource({ kind, id, record })

test('the gateway alone asks for resources; operators keep the catalogue; services say what they serve', async () => {
  await refusesEverybodyElse(ResourceService, RESOURCE_CALLERS, server.clientAs)
  await refusesEverybodyElse(CatalogueService, CATALOGUE_CALLERS, server.clientAs)
})

test('a record is given whole, with where it lives and what it is', async () => {
  await put('n1', { cidr: 'fd00::/64' }, 'network')
  await alice().putResource({ kind: 'network', id: 'n2', record: {}, region: 'ch', dataClass: 'personal' })
  const { resources } = await gateway().listResources({ kind: 'network' })
  expect(resources).toMatchObject([
    { id: 'n1', record: { cidr: 'fd00::/64' }, region: 'eu', dataClass: 'topology', revision: 1n },
    { id: 'n2', record: {}, region: 'ch', dataClass: 'personal', revision: 1n },
  ])
  expect((await gateway().getResource({ kind: 'network', id: 'n1' })).resource).toEqual(resources[0])
  expect((await gateway().listResources({ kind: 'network', id: 'n2' })).resources).toEqual([resources[1]])
  expect((await gateway().listResources({ kind: 'network', id: 'N2' })).resources).toEqual([])
  await expectRefusal(gateway().getResource({ kind: 'network', id: 'N1' }), 'RESOURCE_NOT_FOUND')
  await expectRefusal(gateway().getResource({ kind: 'Network', id: 'n1' }), 'RESOURCE_KIND_UNKNOWN')
})

test('pages follow one another; a token of another list, or of nobody, is refused', async () => {
  for (const id of ['a', 'b', 'c']) await put(id)
  const first = await gateway().listResources({ kind: 'NodeModule', pageSize: 2 })
  const second = await gateway().listResources({ kind: 'NodeModule', pageSize: 2, pageToken: first.nextPageToken })
  expect([...first.resources, ...second.resources].map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  expect(second.nextPageToken).toBe('')
  for (const pageToken of ['x', 'bnVsbA', Buffer.from('["NodeModule",1]').toString('base64url')])
    await expectRefusal(gateway().listResources({ kind: 'NodeModule', pageToken }), 'PAGE_TOKEN_INVALID')
  const stolen = { kind: 'network', pageToken: first.nextPageToken }
  await expectRefusal(gateway().listResources(stolen), 'PAGE_TOKEN_INVALID')
})

test('an operator sees everything that is held, of all kinds, and a rehearsal changes nothing of it', async () => {
  await put('n1', {}, 'network')
  await put('m1', { credentials: 'x' })
  await alice().putResource({ kind: 'NodeModule', id: 'm2', record: {}, dryRun: true })
  await alice().removeResource({ kind: 'NodeModule', id: 'm1', dryRun: true })
  const { resources } = await alice().listOwnResources({})
  expect(resources.map(({ kind, id }) => [kind, id])).toEqual([['NodeModule', 'm1'], ['network', 'n1']]) // prettier-ignore
  expect(resources[0]?.record).toEqual({ credentials: 'x' })
})

test('what a peer changes is in the peer’s name', async () => {
  await put('t1', { title: 'broken', notes: 'ours' }, 'ticket')
  const peerId = '019f0000-0000-7000-8000-00000000beef'
  const { resource } = await gateway().updateResource({ kind: 'ticket', id: 't1', changes: { title: null }, peerId })
  expect(resource).toMatchObject({ record: { notes: 'ours' }, revision: 2n })
  const refusal = await expectRefusal(
    gateway().updateResource({ kind: 'ticket', id: 't1', changes: { notes: '' }, peerId }),
    'RESOURCE_READ_ONLY',
  )
  expect(refusal.metadata['field']).toBe('notes')
})

test('a service serves a kind while it says so; afterwards nobody does', async () => {
  const modules = server.clientAs(CatalogueService, { kind: 'service', name: 'modules' })
  const { leaseMs } = await modules.registerKinds({ kinds: ['NodeModule'], address: 'modules:1' })
  const servedBy = async () => (await alice().listKinds({})).kinds.find(({ kind }) => kind === 'NodeModule')?.servedBy
  expect(await servedBy()).toBe('service/modules')
  await expectRefusal(gateway().listResources({ kind: 'NodeModule' }), 'RESOURCE_KIND_UNKNOWN')
  await clock.advance(leaseMs - 1)
  expect(await servedBy()).toBe('service/modules')
  // The sweep looks whenever its time has come; what it then reads takes real time.
  await until(async () => {
    await clock.advance(leaseMs)
    return (await servedBy()) === ''
  })
  await expectRefusal(modules.registerKinds({ kinds: ['NodeModule'], address: 'nowhere' }), 'REQUEST_INVALID')
})

test.each(['liveness', 'audit-ledger', 'federation-gateway', 'peer-registry', 'nats'])(
  'service/%s, which has no kinds, takes none over: whoever broke into it does not answer for our resources',
  async (name) => {
    const broken = server.clientAs(CatalogueService, { kind: 'service', name })
    await expectRefusal(broken.registerKinds({ kinds: ['NodeModule'], address: 'evil:1' }), 'CALLER_NOT_ALLOWED')
  },
)

describe('who watches a kind', () => {
  type Told = WatchResourcesResponse['update']
  const words = ({ case: what, value }: Told): string =>
    what === 'resource' ? `${value.id} ${value.revision}` : what === 'removedId' ? `${value} gone` : String(what)

  /** Follows a kind and notes what it is told. */
  function follow(said: { kind: string; id?: string }) {
    const told: string[] = []
    const leaving = new AbortController()
    const done = (async () => {
      for await (const { update } of gateway().watchResources(said, { signal: leaving.signal }))
        told.push(words(update))
    })()
    return { told, leaving, done }
  }

  test('is told everything, then every change in its order', async () => {
    await put('a')
    await put('b')
    const { told, leaving, done } = follow({ kind: 'NodeModule' })
    await until(() => told.includes('snapshotSent'))
    expect(told).toEqual(['a 1', 'b 1', 'snapshotSent'])
    await put('b', { name: 'another' })
    await put('n1', {}, 'network')
    await alice().removeResource({ kind: 'NodeModule', id: 'a' })
    await put('c')
    await until(() => told.length >= 6)
    expect(told.slice(3)).toEqual(['b 2', 'a gone', 'c 1'])
    leaving.abort()
    await expect(done).rejects.toThrow()
  })

  test('one resource is told of that one', async () => {
    await put('a')
    const { told, leaving, done } = follow({ kind: 'NodeModule', id: 'b' })
    await until(() => told.includes('snapshotSent'))
    await put('a', { name: 'x' })
    await put('b')
    await until(() => told.length >= 2)
    expect(told).toEqual(['snapshotSent', 'b 1'])
    leaving.abort()
    await expect(done).rejects.toThrow()
  })

  test('ends up with what there is, whatever changes while the snapshot is read', async () => {
    for (let n = 0; n < 250; n++) await put(`r${n % 50}`, { n })
    const held = new Map<string, string>()
    const leaving = new AbortController()
    let writes = 0
    const writing = (async () => {
      for (; writes < 60; writes++) await put(`r${(writes * 7) % 60}`, { writes })
      await put('last')
    })()
    for await (const { update } of gateway().watchResources({ kind: 'NodeModule' }, { signal: leaving.signal })) {
      if (update.case === 'resource') held.set(update.value.id, JSON.stringify(update.value.record))
      if (update.case === 'resource' && update.value.id === 'last') break
    }
    await writing
    const { resources } = await alice().listOwnResources({ kind: 'NodeModule', pageSize: 1000 })
    expect(new Map(resources.map(({ id, record }) => [id, JSON.stringify(record)]))).toEqual(held)
  })

  test('is sent away when another service has the kind, and counted only while it is there', async () => {
    const { told, done } = follow({ kind: 'NodeModule' })
    await until(() => told.includes('snapshotSent'))
    expect((await metrics.registry.getSingleMetric('fed_resource_watchers')?.get())?.values[0]?.value).toBe(1)
    const modules = server.clientAs(CatalogueService, { kind: 'service', name: 'modules' })
    await modules.registerKinds({ kinds: ['NodeModule'], address: 'modules:1' })
    let away = false
    const refused = expectRefusal(done, 'RESOURCE_KIND_UNKNOWN').finally(() => (away = true))
    // It looks when its time has come, or as soon as the bell has come up and rings for all: then it sleeps no more.
    await until(async () => {
      await clock.advance(30_000)
      return away
    })
    await refused
    expect((await metrics.registry.getSingleMetric('fed_resource_watchers')?.get())?.values[0]?.value).toBe(0)
  })
})
