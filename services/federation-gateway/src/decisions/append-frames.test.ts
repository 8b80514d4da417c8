import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { NewEntrySchema, type NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FrameReader } from '@powernode/rpc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAnswer, writeMessage } from './append-frames.ts'
import { outcomeEntry } from './call-entry.ts'
import { aDecision } from './testing.ts'
import { weightOf } from './weigh.ts'

function messageIn(frame: Buffer): Buffer {
  const messages: Buffer[] = []
  new FrameReader(10_000_000).read(frame, (message) => messages.push(message))
  expect(messages).toHaveLength(1)
  return messages[0]!
}

const ascii = fc.string({ maxLength: 140, unit: 'grapheme-ascii' })
const any = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed())
const entry = fc
  .record({
    id: fc.uuid(),
    log: fc.uuid(),
    action: ascii,
    at: fc.option(fc.nat({ max: 4_102_444_800_000 }).map(timestampFromMs), { nil: undefined }),
    actor: ascii,
    direction: fc.constantFrom('in', 'out', ''),
    decisionId: fc.uuid(),
    resource: fc.oneof({ weight: 5, arbitrary: ascii }, any),
    contentId: fc.uuid(),
    payload: fc.uint8Array({ maxLength: 20_000, size: 'large' }),
    remoteId: fc.oneof({ weight: 5, arbitrary: fc.uuid() }, any),
    disclosed: fc.boolean(),
  })
  .map(({ at, ...said }) => create(NewEntrySchema, { ...said, ...(at && { at }) }))

test('a message is written by hand so that the library reads what was said, whatever peers chose', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(entry, { minLength: 1, maxLength: 6 }), (number, entries) => {
      const weighed = entries.map((one) => ({ entry: one, bytes: weightOf(one) }))
      const read = fromBinary(AppendStreamRequestSchema, messageIn(writeMessage(number, weighed)))
      expect(read.number).toBe(BigInt(number))
      const bytes = (one: NewEntry) => Buffer.from(toBinary(NewEntrySchema, one))
      expect(read.entries.map(bytes)).toEqual(entries.map(bytes))
    }),
    { numRuns: 300 },
  )
})

test('an entry weighs at least what it takes, so that a full message stays below what the ledger reads', () => {
  const [id, kind] = ['\u{10000}'.repeat(128), '\u{10000}'.repeat(64)]
  for (const said of [{}, { resourceKind: kind, resourceId: id, detail: id }]) {
    const one = outcomeEntry(aDecision(said), aDecision().id)
    const bytes = weightOf(one)
    expect(messageIn(writeMessage(1, [{ entry: one, bytes }])).length).toBeLessThanOrEqual(bytes)
  }
})

test('what the ledger answers is read as it wrote it, refusals and all', () => {
  const place = fc.record({ sequence: fc.nat(), treeSize: fc.nat() })
  const refused = fc.array(fc.record({ index: fc.nat(39), reason: fc.constantFrom('LOG_ON_HOLD', 'ENTRY_CONFLICT') }))
  fc.assert(
    fc.property(fc.nat(), fc.array(place, { maxLength: 40 }), refused, (number, places, turnedAway) => {
      const wire = create(AppendStreamResponseSchema, {
        number: BigInt(number),
        places: places.map(({ sequence, treeSize }) => ({ sequence: BigInt(sequence), treeSize: BigInt(treeSize) })),
        refused: turnedAway,
      })
      const answer = readAnswer(Buffer.from(toBinary(AppendStreamResponseSchema, wire)))
      expect(answer.number).toBe(number)
      expect(answer.sequences).toEqual(places.map(({ sequence }) => sequence))
      expect(answer.refused).toEqual(new Map(turnedAway.map(({ index, reason }) => [index, reason])))
    }),
  )
})
