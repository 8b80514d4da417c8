import type { JsonObject } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KIND_LEASE_MS, type Kind } from '../../kind.ts'
import * as kinds from '../../store/kinds.ts'
import * as resources from '../../store/resources.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, NOW, testGrants } from '../../testing.ts'
import { aKind, BY, pagesOf, policyIn } from '../../testing/residency.ts'
import { declareKinds } from './declare-kinds.ts'
import { putResource, removeResource } from './put-resource.ts'
import { endLeases, registerKinds } from './register-kinds.ts'
import { updateResource } from './update-resource.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
  await declare(KINDS)
})
afterEach(() => database.drop())

const KINDS = [
  aKind('NodeModule', { sensitiveFields: ['credentials'] }),
  aKind('network', { dataClass: 'topology', region: 'eu' }),
  aKind('ticket', { writable: true, sensitiveFields: ['notes', 'owner.phone'] }),
]
const OWN = '10.0.0.1:7000'
const after = (ms: number) => new Date(NOW.getTime() + ms)
const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const declare = (inventory: readonly Kind[], ownAddress = OWN) =>
  act((tx) => declareKinds(tx, NOW, { inventory, ownAddress }))
const put = (id: string, record: JsonObject = { name: id }, said: object = {}) =>
  act((tx) =>
    putResource(tx, NOW, { by: BY, kind: 'NodeModule', id, record, region: undefined, dataClass: '', ifRevision: 0, ...said }),
  ) // prettier-ignore
const remove = (id: string) => act((tx) => removeResource(tx, NOW, { by: BY, kind: 'NodeModule', id }))
const update = (changes: JsonObject, said: object = {}) =>
  act((tx) =>
    updateResource(tx, NOW, { by: BY, peerId: 'p', kind: 'ticket', id: 't1', changes, ifRevision: 0, ...said }),
  )
const register = (service: string, names: readonly string[], now = NOW, address = `${service}:1`) =>
  act((tx) => registerKinds(tx, now, { names, service: `service/${service}`, address }))
const served = async () => {
  const policy = await policyIn(database.db)
  return KINDS.map(({ kind }) => policy.kind(kind)).map((kind) => kind && `${kind.service} ${kind.address}`)
}
const CATALOGUE = `service/grant-authz ${OWN}`
const epoch = async () => {
  const { rows } = await sql<{ epoch: number }>`select max(epoch) as epoch from feed_epoch`.execute(database.db)
  return rows[0]?.epoch
}

describe('a kind of the inventory', () => {
  test('is served by the catalogue, at its own address, and gateways know what nobody sees', async () => {
    expect(await served()).toEqual([CATALOGUE, CATALOGUE, CATALOGUE])
    expect((await policyIn(database.db)).kind('ticket')).toMatchObject({
      sensitiveFields: ['notes', 'owner.phone'],
      dataClass: 'general',
      writable: true,
    })
    expect((await policyIn(database.db)).kind('nodemodule')).toBeUndefined()
  })

  test('that is as it was is told to nobody when the service starts again', async () => {
    const before = await epoch()
    await declare(KINDS)
    expect(await epoch()).toBe(before)
    await declare([{ ...KINDS[0]!, sensitiveFields: ['credentials', 'licence'] }, ...KINDS.slice(1)])
    expect(await epoch()).toBeGreaterThan(before ?? 0)
    expect((await policyIn(database.db)).kind('NodeModule')?.sensitiveFields).toEqual(['credentials', 'licence'])
  })

  test('that it no longer has is shown to nobody; its records wait until it is there again', async () => {
    await put('m1')
    await declare(KINDS.slice(1))
    expect(await served()).toEqual([undefined, CATALOGUE, CATALOGUE])
    await expectRefusal(put('m2'), 'RESOURCE_KIND_UNKNOWN')
    await declare(KINDS)
    expect(await act((tx) => resources.find(tx, 'NodeModule', 'm1'))).toMatchObject({ revision: 1 })
    expect(await served()).toEqual([CATALOGUE, CATALOGUE, CATALOGUE])
  })

  test('in a region that there is not keeps the service from starting', async () => {
    await expectRefusal(declare([aKind('x', { region: 'eu-wset' })]), 'REGION_UNKNOWN')
    expect((await act((tx) => kinds.all(tx))).map(({ kind }) => kind)).toEqual(['NodeModule', 'network', 'ticket'])
  })
})

describe('a service that serves a kind', () => {
  test('is who gateways ask, as long as it says so within its lease; then nobody is', async () => {
    await register('modules', ['NodeModule'])
    expect(await served()).toEqual(['service/modules modules:1', CATALOGUE, CATALOGUE])
    await register('modules', ['NodeModule'], after(KIND_LEASE_MS - 1))
    expect(await act((tx) => endLeases(tx, after(KIND_LEASE_MS)))).toEqual([])
    expect(await act((tx) => endLeases(tx, after(2 * KIND_LEASE_MS - 1)))).toEqual(['NodeModule'])
    expect(await served()).toEqual([undefined, CATALOGUE, CATALOGUE])
  })

  test('that only repeats itself makes no epoch', async () => {
    await register('modules', ['NodeModule'])
    const before = await epoch()
    await register('modules', ['NodeModule'], after(10_000))
    expect(await epoch()).toBe(before)
  })

  test('keeps it from every other one while its lease runs, and the other gets nothing at all', async () => {
    await register('modules', ['NodeModule'])
    const refusal = await expectRefusal(register('thief', ['network', 'NodeModule']), 'CALLER_NOT_ALLOWED')
    expect(refusal.metadata).toEqual({ kind: 'NodeModule', service: 'service/modules' })
    expect(await served()).toEqual(['service/modules modules:1', CATALOGUE, CATALOGUE])
    await register('heir', ['NodeModule'], after(KIND_LEASE_MS))
    expect((await served())[0]).toBe('service/heir heir:1')
  })

  test('in two replicas is one address, until that one has missed its turn', async () => {
    await register('modules', ['NodeModule'], NOW, 'a:1')
    await register('modules', ['NodeModule'], after(5_000), 'b:1')
    expect((await served())[0]).toBe('service/modules a:1')
    await register('modules', ['NodeModule'], after(10_000), 'a:1')
    await register('modules', ['NodeModule'], after(20_000), 'b:1')
    expect((await served())[0]).toBe('service/modules a:1')
    await register('modules', ['NodeModule'], after(25_000), 'b:1')
    expect((await served())[0]).toBe('service/modules b:1')
  })

  test('cannot serve what the inventory does not declare', async () => {
    await expectRefusal(register('modules', ['nodemodule']), 'RESOURCE_KIND_UNKNOWN')
  })

  test('owns its records: nobody writes them here; a kind it left is taken back by writing one', async () => {
    await register('modules', ['NodeModule'])
    await expectRefusal(put('m1'), 'RESOURCE_KIND_UNKNOWN')
    await act((tx) => endLeases(tx, after(KIND_LEASE_MS)))
    await put('m1')
    expect(await served()).toEqual([CATALOGUE, CATALOGUE, CATALOGUE])
  })
})

describe('a record', () => {
  test('is put, put again as another, and removed; its revision only grows', async () => {
    expect(await put('m1')).toMatchObject({ revision: 1 })
    expect(await put('m1')).toMatchObject({ revision: 1 })
    expect(await put('m1', { name: 'another' })).toMatchObject({ revision: 2 })
    await remove('m1')
    await expectRefusal(remove('m1'), 'RESOURCE_NOT_FOUND')
    expect(await put('m1')).toMatchObject({ revision: 4 })
    expect(await act(announced)).toEqual(['resource.put', 'resource.put', 'resource.removed', 'resource.put'])
  })

  test('of an id in another case is another record', async () => {
    await put('M1')
    await put('m1')
    expect(await act((tx) => resources.find(tx, 'NodeModule', 'M1'))).toMatchObject({ id: 'M1' })
    await expectRefusal(remove('m１'), 'RESOURCE_NOT_FOUND')
  })

  test('made twice at once is made once, and then changed', async () => {
    const written = await Promise.all(Array.from({ length: 8 }, (_, n) => put('m1', { n })))
    expect(written.map(({ revision }) => revision).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('is only written over the revision that was named', async () => {
    await expectRefusal(put('m1', {}, { ifRevision: 1 }), 'RESOURCE_CHANGED_MEANWHILE')
    await put('m1')
    await put('m1', { name: 'x' }, { ifRevision: 1 })
    const { metadata } = await expectRefusal(put('m1', {}, { ifRevision: 1 }), 'RESOURCE_CHANGED_MEANWHILE')
    expect(metadata).toEqual({ revision: '2' })
  })

  test('in a region that there is not is refused', async () => {
    await expectRefusal(put('m1', {}, { region: 'EU' }), 'REGION_UNKNOWN')
    await put('m1', {}, { region: 'ch' })
  })
})

describe('a peer', () => {
  beforeEach(async () => {
    await put('t1', { title: 'broken', notes: 'secret', owner: { name: 'x', phone: '1' } }, { kind: 'ticket' })
  })

  test('changes fields, and its own ledger says which', async () => {
    const { record, revision } = await update({ title: null, state: 'open' })
    expect([record, revision]).toEqual([{ notes: 'secret', owner: { name: 'x', phone: '1' }, state: 'open' }, 2])
    expect(await update({ state: 'open' })).toMatchObject({ revision: 2 })
    expect(await act(announced)).toEqual(['resource.put', 'resource.updated'])
  })

  test.each<[string, JsonObject]>([
    ['a sensitive field', { notes: 'mine' }],
    ['a sensitive field away', { notes: null }],
    ['what holds one', { owner: { name: 'y' } }],
    ['one, among others', { state: 'open', notes: '' }],
  ])('cannot write %s', async (_, changes) => {
    await expectRefusal(update(changes), 'RESOURCE_READ_ONLY')
    expect(await act((tx) => resources.find(tx, 'ticket', 't1'))).toMatchObject({ revision: 1 })
  })

  test('cannot write a kind that is not writable, nor make a record, nor overwrite another one’s change', async () => {
    await put('m1')
    await expectRefusal(update({ name: 'x' }, { kind: 'NodeModule', id: 'm1' }), 'RESOURCE_READ_ONLY')
    await expectRefusal(update({ a: 1 }, { id: 't2' }), 'RESOURCE_NOT_FOUND')
    await update({ state: 'open' }, { ifRevision: 1 })
    await expectRefusal(update({ state: 'closed' }, { ifRevision: 1 }), 'RESOURCE_CHANGED_MEANWHILE')
  })

  test('cannot make a record larger than a record may be', async () => {
    const large = { a: 'x'.repeat(140_000) }
    await update(large)
    await expectRefusal(update({ b: large }), 'MESSAGE_TOO_LARGE')
  })

  test.each(['x\0', '\ud800'])('cannot break the database by %j', async (text) => {
    await expectRefusal(update({ title: text }), 'REQUEST_INVALID')
  })
})

describe('a list', () => {
  const pageAfter = (last: { kind: string; id: string } | undefined, limit: number) =>
    act((tx) => resources.after(tx, { kind: 'NodeModule', last, limit }))
  async function* pages(limit: number) {
    for (let last: { kind: string; id: string } | undefined; ;) {
      const page = await pageAfter(last, limit)
      yield page.resources.map(({ id }) => id)
      if (!page.hasMore) return
      last = page.resources.at(-1)
    }
  }

  test('goes by bytes: capitals before small letters, whatever the locale', async () => {
    for (const id of ['b', 'A', 'a', 'B', 'Z', '10', '9']) await put(id)
    expect((await pageAfter(undefined, 100)).resources.map(({ id }) => id)).toEqual([
      '10',
      '9',
      'A',
      'B',
      'Z',
      'a',
      'b',
    ])
  })

  test('shows each record that was there all the time once, whatever comes and goes between pages', async () => {
    for (let n = 10; n < 40; n++) await put(`r${n}`)
    const seen: string[] = []
    for await (const page of pages(4)) {
      seen.push(...page)
      await put(`r${seen.length}a`)
      await put(`q${seen.length}`)
      const last = seen.at(-1)
      if (last && /^r\d\d$/.test(last) && Number(last.slice(1)) % 3 === 0) await remove(last)
    }
    const stayed = seen.filter((id) => /^r\d\d$/.test(id))
    expect(stayed).toEqual(Array.from({ length: 30 }, (_, n) => `r${n + 10}`))
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('has no page that is larger than a message may be', async () => {
    const large = { text: 'x'.repeat(200_000) }
    for (let n = 0; n < 5; n++) await put(`m${n}`, large)
    const sizes: number[] = []
    for await (const page of pages(100)) sizes.push(page.length)
    expect([sizes.every((size) => size <= 2), sizes.reduce((sum, size) => sum + size, 0)]).toEqual([true, 5])
  })
})

test('gateways are told of kinds only when one of them changed', async () => {
  const before = BigInt((await epoch()) ?? 0)
  await put('m1')
  expect(await act((tx) => pagesOf(tx, before))).toEqual([])
  await register('modules', ['network'])
  expect((await act((tx) => pagesOf(tx, before))).map((page) => page.servedKinds?.kinds.length)).toEqual([3])
})
