import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { glanceAt } from './entry.ts'
import {
  commitPayload,
  encodeEntry,
  EntryFlaw,
  originOf,
  parseEntry,
  witnessNameOf,
  type EntryFields,
} from './index.ts'

const ENTRY: EntryFields = {
  sequence: 7,
  action: 'federation.call.refused',
  at: new Date('2026-11-22T03:04:05.006Z'),
  actor: 'peer/4f0c2f4e-8a53-4f7e-9d5c-0a1b2c3d4e5f',
  contentId: '0b9f7f8e-2f0a-4a2e-8c1d-5e6f7a8b9c0d',
  decisionId: 'd1e2f3a4-b5c6-4d7e-8f9a-0b1c2d3e4f5a',
  direction: 'in',
  payloadSha256: Buffer.alloc(32, 0xfe),
  resource: 'agent/scribe',
}
const LEAF =
  '{"action":"federation.call.refused","actor":"peer/4f0c2f4e-8a53-4f7e-9d5c-0a1b2c3d4e5f",' +
  '"at":"2026-11-22T03:04:05.006Z","content_id":"0b9f7f8e-2f0a-4a2e-8c1d-5e6f7a8b9c0d",' +
  '"decision_id":"d1e2f3a4-b5c6-4d7e-8f9a-0b1c2d3e4f5a","direction":"in",' +
  '"payload_sha256":"/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v4=","resource":"agent/scribe","sequence":7}'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
const optional = fc.option(text, { nil: undefined })
const entry: fc.Arbitrary<EntryFields> = fc.record({
  sequence: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  action: text,
  at: fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  actor: text,
  contentId: optional,
  decisionId: optional,
  direction: optional,
  payloadSha256: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
  resource: optional,
})

const flawed = (what: () => unknown) => {
  try {
    what()
    return false
  } catch (flaw) {
    if (flaw instanceof EntryFlaw) return true
    throw flaw
  }
}

describe('an entry', () => {
  test('is written to the byte', () => {
    expect(Buffer.from(encodeEntry(ENTRY)).toString()).toBe(LEAF)
  })

  test('is the canonical JSON of RFC 8785, as another library writes it, absent and empty members left out', () => {
    fc.assert(
      fc.property(entry, (fields) => {
        const { payloadSha256, contentId, decisionId, at, ...rest } = fields
        const said = { ...rest, at: at.toISOString(), content_id: contentId, decision_id: decisionId, payload_sha256: payloadSha256 && Buffer.from(payloadSha256).toString('base64') } // prettier-ignore
        expect(Buffer.from(encodeEntry(fields)).toString()).toBe(canonicalize(said))
      }),
    )
    const bare = { sequence: 0, action: 'a', at: new Date(0), actor: 'b' }
    expect(encodeEntry({ ...bare, resource: '', direction: '', contentId: undefined })).toEqual(encodeEntry(bare))
  })

  test('is read as it was written', () => {
    fc.assert(
      fc.property(entry, (fields) => {
        const { payloadSha256, ...rest } = parseEntry(encodeEntry(fields))
        expect({ ...rest, payloadSha256: payloadSha256 && Uint8Array.from(payloadSha256) }).toEqual(fields)
      }),
    )
  })

  test.each(
    Object.entries({
      'a space': LEAF.replace('":"', '": "'),
      'a newline after it': `${LEAF}\n`,
      'a byte order mark': `\ufeff${LEAF}`,
      'another order': LEAF.replace('"direction":"in",', '').replace('{', '{"direction":"in",'),
      'a member twice': LEAF.replace('{', '{"action":"x",'),
      'an unknown member': LEAF.replace('"sequence"', '"secret":"x","sequence"'),
      'an empty member': LEAF.replace('agent/scribe', ''),
      'a needless escape': LEAF.replace('agent/scribe', String.raw`agent\/scribe`),
      'an escape for a letter': LEAF.replace('agent', String.raw`\u0061gent`),
      'no sequence': LEAF.replace(',"sequence":7', ''),
      'a sequence in words': LEAF.replace(':7}', ':"7"}'),
      'a sequence with a fraction': LEAF.replace(':7}', ':7.0}'),
      'a sequence with a zero before it': LEAF.replace(':7}', ':07}'),
      'a sequence below zero': LEAF.replace(':7}', ':-7}'),
      'a sequence beyond counting': LEAF.replace(':7}', ':9007199254740993}'),
      'an exponent': LEAF.replace(':7}', ':7e0}'),
      'no action': LEAF.replace('"action":"federation.call.refused",', ''),
      'an action that is null': LEAF.replace('"federation.call.refused"', 'null'),
      'a moment without milliseconds': LEAF.replace('.006Z', 'Z'),
      'a moment in another zone': LEAF.replace('.006Z', '.006+00:00'),
      'a day that the calendar has not': LEAF.replace('2026-11-22', '2026-02-30'),
      'an hour that the clock has not': LEAF.replace('T03', 'T24'),
      'a payload hash of 31 bytes': LEAF.replace(/"\/v7[^"]+"/, `"${Buffer.alloc(31).toString('base64')}"`),
      'a payload hash with loose bits': LEAF.replace('/v4="', '/v5="'),
      'a list': `[${LEAF}]`,
      nothing: '',
      null: 'null',
    }),
  )('with %s is none', (_, leaf) => {
    expect(flawed(() => parseEntry(Buffer.from(leaf)))).toBe(true)
    expect(glanceAt(Buffer.from(leaf))).toBeUndefined()
  })

  test('that is not UTF-8 is none', () => {
    const leaf = Buffer.from(LEAF)
    leaf[15] = 0xff
    expect(flawed(() => parseEntry(leaf))).toBe(true)
  })

  test('has 65,535 bytes at most, a name for what happened and for who did it, and a moment of our calendar', () => {
    const room = 65_535 - encodeEntry({ ...ENTRY, resource: 'x' }).length + 1
    expect(encodeEntry({ ...ENTRY, resource: 'x'.repeat(room) })).toHaveLength(65_535)
    for (const wrong of [
      { resource: 'x'.repeat(room + 1) },
      { action: '' },
      { actor: '' },
      { sequence: -1 },
      { sequence: 1.5 },
      { sequence: 2 ** 53 },
      { at: new Date(Number.NaN) },
      { at: new Date('+010000-01-01T00:00:00.000Z') },
      { at: new Date('-000001-12-31T23:59:59.999Z') },
      { payloadSha256: Buffer.alloc(31) },
      { actor: 'peer/\ud800' },
    ])
      expect([wrong, flawed(() => encodeEntry({ ...ENTRY, ...wrong }))]).toEqual([wrong, true])
  })
})

describe('a glance at an entry', () => {
  test('sees what reading it would', () => {
    fc.assert(
      fc.property(entry, (fields) => {
        const committed = fields.payloadSha256 && Buffer.from(fields.payloadSha256).toString('base64')
        expect(glanceAt(encodeEntry(fields))).toEqual({ sequence: fields.sequence, payloadSha256: committed })
      }),
    )
  })

  test('judges a damaged one as reading it would', () => {
    fc.assert(
      fc.property(fc.nat(LEAF.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const leaf = Buffer.from(LEAF)
        leaf[at] = byte
        const damaged = cut ? leaf.subarray(0, at) : leaf
        expect(glanceAt(damaged) === undefined).toBe(flawed(() => parseEntry(damaged)))
      }),
      { numRuns: 3_000 },
    )
  })
})

test('a payload is committed to with its salt first, and with 16 bytes of it', () => {
  const hash = Buffer.from(commitPayload(Buffer.alloc(16, 1), Buffer.from('{}'))).toString('hex')
  expect(hash).toBe('d355d911d2f26a54dc0366196d99e2ffef085bb9edf7a495a342ea52c2a4c2f3')
  expect(flawed(() => commitPayload(Buffer.alloc(15), Buffer.from('{}')))).toBe(true)
})

test('logs and witnesses are called after the trust domain', () => {
  expect(originOf('a.example', 'platform')).toBe('a.example/platform')
  expect(originOf('a.example', '42')).toBe('a.example/peers/42')
  expect(witnessNameOf('a.example')).toBe('a.example/witness')
})
