import { until } from '@powernode/events/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { OwnService } from '../own-service.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Record = { readonly id: string; readonly record: object; readonly withheld_fields: string[] }
type Listed = { readonly resources: Record[] }
type Kinds = { readonly kinds: readonly { kind: string; served_by: string }[] }

/** The inventory withholds `secrets`, `database.password` and `vault_path` of it. */
const KIND = 'platform_deployment'
const LIST = `resource list --kind ${KIND} --peer a --grant -`
const WATCH = `resource watch --kind ${KIND} --peer a --grant - -o json`

let a: TestPlatform
let b: TestPlatform
/** Serves the kind; and another service of the same platform, which does not. */
let provisioner: OwnService
let compiler: OwnService
let port: number
let bearer: string

beforeAll(async () => {
  const patient = { registry: PATIENT }
  ;[a, b] = await Promise.all([TestPlatform.start('a', patient), TestPlatform.start('b', patient)])
  await becomePeers(a, b)
  ;[provisioner, compiler] = [await OwnService.enlist(a, 'spawn-provisioner'), await OwnService.enlist(a, 'sdwan-compiler')] // prettier-ignore
  ;({ bearer } = await typeJson<{ bearer: string }>(a, `grant create b --kind ${KIND} --scope read`))
  provisioner.owner.put('d-1', {
    kind: KIND,
    record: { name: 'one', secrets: ['s3cret'], database: { host: 'db', password: 'pw' }, vault_path: 'kv/one' },
  })
  provisioner.owner.put('d-2', { kind: KIND, record: { name: 'two' } })
  port = await provisioner.start()
})
afterAll(async () => {
  await Promise.all([provisioner?.stop(), compiler?.stop()])
  await Promise.all([a?.stop(), b?.stop()])
})

/** Whoever serves a kind says so again before the lease is over, however long a busy machine takes for a test. */
let hasClaimed = false
beforeEach(async () => {
  if (hasClaimed) await register(provisioner)
})

const register = (service: OwnService, at = port) => service.register([KIND], `127.0.0.1:${at}`)
const list = async () => (await typeJson<Listed>(b, LIST, { input: bearer })).resources
const show = (id: string) =>
  typeJson<{ resource: Record }>(b, `resource show ${KIND} ${id} --peer a --grant -`, { input: bearer })
const servedBy = async () =>
  (await typeJson<Kinds>(a, 'resource kinds')).kinds.find(({ kind }) => kind === KIND)?.served_by
const lines = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { resource?: Record; removed_id?: string; error?: { reason: string } })
/** What B is told while the owner is away: that of the peer, whatever our own gateway calls it. */
/** Why B is not answered; a gateway that knows too little for a moment says that first, and is asked again. */
const away = async () => {
  let said = 'POLICY_STALE'
  await until(async () => {
    const { metadata, reason } = await typeRefused(b, LIST, { input: bearer })
    said = metadata['peer_reason'] ?? reason
    return said !== 'POLICY_STALE'
  })
  return said
}

test('a kind that no service has claimed is answered for by the catalogue, which has none of it', async () => {
  expect([await servedBy(), await list(), provisioner.owner.asked]).toEqual(['service/grant-authz', [], []])
})

test('a service says that it serves the kind: from then on the gateway asks it, for whom the grant is', async () => {
  expect(await register(provisioner)).toBeGreaterThan(0)
  hasClaimed = true
  expect(await servedBy()).toBe('service/spawn-provisioner')
  await until(async () => (await list()).length === 2)
  const { id } = await typeJson<{ id: string }>(a, 'peer show b')
  expect(provisioner.owner.asked).toContain(`list ${KIND}  for ${id}`)
  expect((await show('d-2')).resource).toMatchObject({ id: 'd-2', record: { name: 'two' } })
  expect(provisioner.owner.asked.at(-1)).toBe(`get ${KIND} d-2`)
  await expectRefusal(provisioner.register(['no_such_kind'], 'x:1'), 'RESOURCE_KIND_UNKNOWN')
})

test('whatever the service answers, what the inventory calls sensitive does not leave, and is named', async () => {
  const seen = { id: 'd-1', record: { name: 'one', database: { host: 'db' } } }
  const withheld = ['database.password', 'secrets', 'vault_path']
  const listed = (await list()).find(({ id }) => id === 'd-1')
  const shown = (await show('d-1')).resource
  for (const record of [listed, shown]) {
    expect(record).toMatchObject(seen)
    expect(record?.record).toEqual(seen.record)
    expect(record?.withheld_fields.toSorted()).toEqual(withheld)
  }
})

test('what it does not have, it says itself; what no grant is for, it is not asked', async () => {
  const missing = await typeRefused(b, `resource show ${KIND} d-9 --peer a --grant -`, { input: bearer })
  expect(missing.metadata['peer_reason'] ?? missing.reason).toBe('RESOURCE_NOT_FOUND')
  const before = provisioner.owner.asked.length
  const change = ['resource', 'update', KIND, 'd-1', '--set', 'name=mine', '--peer', 'a', '--grant', '-']
  const refused = await typeRefused(b, change, { input: bearer })
  expect(refused.metadata['peer_reason'] ?? refused.reason).toBe('SCOPE_MISMATCH')
  expect(provisioner.owner.asked).toHaveLength(before)
})

test('our own catalogue holds no records of a kind that another service serves', async () => {
  const refused = await typeRefused(a, `resource put ${KIND} d-3 --set name=three`)
  expect(refused).toMatchObject({ reason: 'RESOURCE_KIND_UNKNOWN', message: expect.stringContaining('spawn-provisioner') }) // prettier-ignore
})

test('a watch goes to the service and on: what there is, then what changes, without what no peer sees', async () => {
  const watching = type(b, `${WATCH} --limit 5`, { input: bearer })
  await until(() => provisioner.owner.watched === 1)
  provisioner.owner.put('d-3', { kind: KIND, record: { name: 'three', vault_path: 'kv/three' } })
  provisioner.owner.remove('d-3')
  const { exit, out } = await watching
  expect([exit, lines(out).map(({ resource, removed_id }) => resource?.id ?? removed_id)]).toEqual([
    0,
    ['d-1', 'd-2', undefined, 'd-3', 'd-3'],
  ])
  expect(out).not.toMatch(/s3cret|"pw"|kv\//)
  await until(() => provisioner.owner.watched === 0)
})

describe('another service of the same platform', () => {
  test('does not take the kind over while its owner answers for it', async () => {
    const refusal = await expectRefusal(register(compiler, 9), 'CALLER_NOT_ALLOWED')
    expect(refusal.metadata).toMatchObject({ kind: KIND, service: 'service/spawn-provisioner' })
    expect([await servedBy(), (await list()).length]).toEqual(['service/spawn-provisioner', 2])
  })

  test('that answers at the address of the owner is not talked to: the certificate has to be the owner’s', async () => {
    const watching = type(b, WATCH, { input: bearer })
    await until(() => provisioner.owner.watched === 1)
    await provisioner.stop()
    expect(await watching).toMatchObject({ exit: expect.any(Number), out: expect.stringContaining('SERVICE_UNAVAILABLE') }) // prettier-ignore

    compiler.owner.put('d-1', { kind: KIND, record: { name: 'forged' } })
    await compiler.start(port)
    expect(await away()).toBe('SERVICE_UNAVAILABLE')
    expect(compiler.owner.asked).toEqual([])
    await compiler.listAsGateway(KIND, port) // it does answer there, to whoever wants it and not the owner
    expect(compiler.owner.asked).toHaveLength(1)
    await compiler.stop()
  })
})

test('while the service is away, peers are told so, and nobody answers in its place', async () => {
  expect(await away()).toBe('SERVICE_UNAVAILABLE')
  expect(await servedBy()).toBe('service/spawn-provisioner')
})

test('when it is back, peers reach it again', async () => {
  const before = provisioner.owner.asked.length
  await provisioner.start(port)
  await until(async () => (await type(b, LIST, { input: bearer })).exit === 0)
  expect(provisioner.owner.asked.length).toBeGreaterThan(before)
  expect((await list()).map(({ id }) => id)).toEqual(['d-1', 'd-2'])
})
