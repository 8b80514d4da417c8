import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { EMPTY, flawOf, LARGEST_ENTRY, nextEntry, type Entry } from './entry.ts'
import { writable } from './happening.ts'
import { happening } from './testing.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const headOf = ({ sequence, hash }: Entry) => ({ size: sequence, hash })

test('an entry is canonical JSON: keys sorted, no spaces, numbers as ECMAScript writes them (RFC 8785)', () => {
  const payload = { z: 1e21, a: [1.5, -0, 'é\u0007"'], '\u20ac': null, B: true }
  expect(text(nextEntry(EMPTY, happening(1, { payload })).canonical)).toBe(
    '{"action":"federation.peer.accepted","actor":"operator/alice","at":"2026-03-01T12:00:00.001Z",' +
      '"correlation_id":"request-1","event_id":"019f0000-0000-7000-8000-000000000001",' +
      '"payload":{"B":true,"a":[1.5,0,"é\\u0007\\""],"z":1e+21,"€":null},"sequence":1}',
  )
})

test('the hash covers the hash before it and the canonical bytes, and the first stands on zeros', () => {
  const first = nextEntry(EMPTY, happening(1))
  const second = nextEntry(headOf(first), happening(2))
  expect(first.previousHash).toEqual(new Uint8Array(32))
  expect(second.previousHash).toEqual(first.hash)
  expect(second.sequence).toBe(2)
  const expected = createHash('sha256').update(first.hash).update(second.canonical).digest('hex')
  expect(Buffer.from(second.hash).toString('hex')).toBe(expected)
})

test('whatever is changed in an entry is a flaw, and an entry left alone has none', () => {
  const head = headOf(nextEntry(EMPTY, happening(1)))
  const entry = nextEntry(head, happening(2))
  const flaws = Object.entries({
    nothing: {},
    sequence: { sequence: 3 },
    action: { action: 'federation.peer.revoked' },
    at: { at: new Date(0) },
    actor: { actor: 'operator/mallory' },
    payload: { payload: { n: 3 } },
    eventId: { eventId: happening(3).id },
    correlationId: { correlationId: 'other' },
    canonical: { canonical: new Uint8Array([123, 125]) },
    previousHash: { previousHash: new Uint8Array(32) },
    hash: { hash: new Uint8Array(32) },
  }).map(([what, change]) => `${what}: ${flawOf(head, { ...entry, ...change }) ?? '-'}`)
  expect(flaws).toEqual([
    'nothing: -',
    'sequence: expected entry 2, found 3',
    'action: its columns do not say what was hashed',
    'at: its columns do not say what was hashed',
    'actor: its columns do not say what was hashed',
    'payload: its columns do not say what was hashed',
    'eventId: its columns do not say what was hashed',
    'correlationId: its columns do not say what was hashed',
    'canonical: its columns do not say what was hashed',
    'previousHash: it does not stand on the entry before it',
    'hash: its hash is not that of its content',
  ])
})

test('a payload too large for the ledger stands as its size and digest', () => {
  const entry = nextEntry(EMPTY, happening(1, { payload: { text: 'x'.repeat(LARGEST_ENTRY) } }))
  expect(entry.canonical.length).toBeLessThan(LARGEST_ENTRY)
  expect(entry.payload).toEqual({
    oversize: { bytes: LARGEST_ENTRY + '{"text":""}'.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  })
})

test('what cannot be stored is replaced before it is hashed, and no secret is written', () => {
  const payload = { ['a\0b']: 'c\0d', deep: [{ acceptance_token: 'fg-1', private_key: 'k', tokens: 3, password: '' }] }
  expect(writable(happening(1, { actor: 'peer/\0', payload }))).toMatchObject({
    actor: 'peer/\u{FFFD}',
    payload: {
      'a\u{FFFD}b': 'c\u{FFFD}d',
      deep: [{ acceptance_token: '[redacted]', private_key: '[redacted]', tokens: 3, password: '' }],
    },
  })
})
