import { expectRefusal } from '@powernode/rpc/testing'
import { describe, expect, test } from 'vitest'
import { applied, checkRecord, checkWrite, RECORD_MAX_BYTES } from './resource.ts'
import { aKind } from './testing/residency.ts'

const refused = (call: () => unknown, reason: Parameters<typeof expectRefusal>[1]) =>
  expectRefusal((async () => call())(), reason)

test('fields are set as said, null removes one, and the rest stays', () => {
  const { after, changed } = applied({ a: 1, b: { c: 2 }, d: 3 }, { a: 1, b: { c: 3 }, d: null, e: [] })
  expect(after).toEqual({ a: 1, b: { c: 3 }, e: [] })
  expect(changed).toEqual(['b', 'd', 'e'])
  expect(applied({ a: 1 }, { b: null }).changed).toEqual([])
})

test('a field called like something of JavaScript is a field like others', () => {
  const { after, changed } = applied({}, JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'))
  expect([Object.keys(after).toSorted(), changed]).toEqual([['__proto__', 'constructor'], ['__proto__', 'constructor']]) // prettier-ignore
  expect(({} as { x?: number }).x).toBeUndefined()
})

describe('a peer does not write', () => {
  const writable = aKind('ticket', { writable: true, sensitiveFields: ['notes', 'owner.phone'] })
  test('what is sensitive', async () => {
    expect((await refused(() => checkWrite(writable, { notes: 1 }), 'RESOURCE_READ_ONLY')).metadata).toEqual({
      kind: 'ticket',
      field: 'notes',
    })
  })
  test('a field that holds something sensitive: it would be lost with it', async () => {
    await refused(() => checkWrite(writable, { owner: { name: 'x' } }), 'RESOURCE_READ_ONLY')
    await refused(() => checkWrite(writable, { owner: null }), 'RESOURCE_READ_ONLY')
    await refused(() => checkWrite(writable, { 'owner.phone': 1 }), 'RESOURCE_READ_ONLY')
  })
  test('a kind that is not writable, not even nothing of it', async () => {
    await refused(() => checkWrite(aKind('NodeModule'), {}), 'RESOURCE_READ_ONLY')
  })
  test('but everything else', () => {
    checkWrite(writable, { title: 'x', Notes: 'another field', ownership: 1 })
  })
})

describe('a record is kept as it was written, or refused', () => {
  test('its size', async () => {
    const text = 'x'.repeat(RECORD_MAX_BYTES - '{"a":""}'.length)
    checkRecord({ a: text })
    await refused(() => checkRecord({ a: `${text}x` }), 'MESSAGE_TOO_LARGE')
    await refused(() => checkRecord({ a: 'é'.repeat(RECORD_MAX_BYTES / 2) }), 'MESSAGE_TOO_LARGE')
  })
  test.each([{ a: 'x\0' }, { 'x\0': 1 }, { a: ['\ud800'] }, { a: { b: [{ c: '\udc00x' }] } }])('%j', async (record) => {
    await refused(() => checkRecord(record), 'REQUEST_INVALID')
  })
  test('its depth', async () => {
    let deep: object = {}
    for (let level = 0; level < 70; level++) deep = { deep }
    await refused(() => checkRecord(deep as never), 'REQUEST_INVALID')
  })
})
