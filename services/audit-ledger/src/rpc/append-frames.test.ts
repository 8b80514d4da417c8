import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { NewEntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOW } from '../testing.ts'
import { readTold, writeAnswer } from './append-frames.ts'
import { newEntryFromWire, writtenToWire } from './append-wire.ts'

type Entry = MessageInitShape<typeof NewEntrySchema>

const ID = '019f0000-0000-7000-8000-00000000beef'
const SOUND: Entry = { id: ID, log: 'platform', action: 'federation.call.allowed', actor: 'platform', direction: 'in' }
const bytesOf = (number: bigint, entries: readonly Entry[]) =>
  Buffer.from(toBinary(AppendStreamRequestSchema, create(AppendStreamRequestSchema, { number, entries: [...entries] })))

const entries = fc.array(
  fc.record(
    {
      id: fc.uuid(),
      log: fc.oneof(fc.uuid(), fc.constant('platform')),
      action: fc.string({ minLength: 1, maxLength: 128, unit: 'grapheme-ascii' }),
      at: fc.integer({ min: 0, max: 253_402_300_799_999 }).map(timestampFromMs),
      actor: fc.string({ maxLength: 128, unit: 'grapheme-ascii' }),
      direction: fc.constantFrom('in', 'out', ''),
      decisionId: fc.uuid(),
      resource: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      contentId: fc.uuid(),
      payload: fc.json().map((json) => new Uint8Array(Buffer.from(`{"a":${json}}`))),
      remoteId: fc.oneof(fc.uuid(), fc.string({ unit: 'grapheme' })),
      disclosed: fc.boolean(),
    },
    { requiredKeys: ['id', 'log', 'action', 'actor'] },
  ),
  { minLength: 1, maxLength: 5 },
)

describe('a message', () => {
  test('is read by hand as the library reads it', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }).map(BigInt), entries, (number, said) => {
        const bytes = bytesOf(number, said)
        const request = fromBinary(AppendStreamRequestSchema, bytes)
        const told = readTold(bytes, NOW)
        expect(told.number).toBe(number)
        const plain = (some: readonly object[]) => some.map((one) => JSON.stringify(one))
        expect(plain(told.entries)).toEqual(plain(request.entries.map((entry) => newEntryFromWire(entry, NOW))))
      }),
    )
  })

  test('whose numbers nobody counts to, or with fields of tomorrow, is read all the same', () => {
    const later = bytesOf(2n ** 64n - 1n, [SOUND])
    expect(readTold(later, NOW)).toMatchObject({ number: 2n ** 64n - 1n, entries: [{ id: ID }] })
    const unknown = Buffer.concat([bytesOf(1n, [SOUND]), Buffer.from([0x9a, 0x3f, 1, 0])])
    expect(readTold(unknown, NOW).entries).toHaveLength(1)
  })

  test.each<[string, readonly Entry[]]>([
    ['without an entry', []],
    ['with more entries than a message may have', Array.from({ length: 1_025 }, () => SOUND)],
    ['with an id that is none', [{ ...SOUND, id: 'mine' }]],
    ['without an action', [{ ...SOUND, action: '' }]],
    ['with an action that is too long', [{ ...SOUND, action: 'a'.repeat(129) }]],
    ['with an actor that is too long', [{ ...SOUND, actor: 'a'.repeat(129) }]],
    ['about a log that is none', [{ ...SOUND, log: 'mine' }]],
    ['in no direction', [{ ...SOUND, direction: 'up' }]],
    ['with a payload that is no object', [{ ...SOUND, payload: Uint8Array.from([0x7b, 0xff, 0x7d]) }]],
    ['from before 1970', [{ ...SOUND, at: { seconds: -1n, nanos: 0 } }]],
    ['from the year 10000', [{ ...SOUND, at: { seconds: 253_402_300_800n, nanos: 0 } }]],
  ])('%s is refused', (_, said) => {
    expect(refused(bytesOf(1n, said))).toBe('REQUEST_INVALID')
  })

  test('cut anywhere, or with any byte altered, is read as the library reads it, or refused as it refuses it', () => {
    const whole = bytesOf(7n, [SOUND, { ...SOUND, resource: 'a/ä', payload: Buffer.from('{}') }])
    const library = (bytes: Buffer) => fromBinary(AppendStreamRequestSchema, bytes)
    const judged = (bytes: Buffer) => {
      try {
        return library(bytes).entries.map(({ id, resource, action }) => [id.toLowerCase(), resource || undefined, action.replaceAll('\0', '\u{fffd}')]) // prettier-ignore
      } catch {
        return undefined
      }
    }
    for (let at = 0; at < whole.length; at++) {
      const altered = Buffer.from(whole)
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8))
      for (const bytes of [whole.subarray(0, at), altered]) {
        const reason = refused(bytes)
        if (reason !== undefined) expect(reason).toBe('REQUEST_INVALID')
        else expect(readTold(bytes, NOW).entries.map(({ id, resource, action }) => [id, resource?.replaceAll('\0', '\u{fffd}'), action])).toEqual(judged(bytes)?.map(([id, resource, action]) => [id, resource?.replaceAll('\0', '\u{fffd}'), action])) // prettier-ignore
      }
    }
  })
})

function refused(bytes: Buffer): string | undefined {
  try {
    readTold(bytes, NOW)
    return undefined
  } catch (error) {
    return refusalOf(error)?.reason ?? 'fault'
  }
}

test('an answer is written by hand as the library writes it', () => {
  const place = fc.record({
    sequence: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    treeSize: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  })
  const written = fc.oneof(place, fc.record({ refused: fc.constant('LOG_ON_HOLD' as const) }))
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.array(written, { maxLength: 40 }), (number, some) => {
      const answer = fromBinary(AppendStreamResponseSchema, writeAnswer(number, some))
      expect(answer).toEqual(create(AppendStreamResponseSchema, { number, ...writtenToWire(some) }))
    }),
  )
})
