import { create, fromJsonString, toJson } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { payloadOf, wellFormed } from './call-payload.ts'
import type { DecisionRecord } from './decision-record.ts'
import { aDecision } from './testing.ts'

const TEXTS = Object.entries(aDecision())
  .filter(([name, value]) => typeof value === 'string' && name !== 'direction')
  .map(([name]) => name)

/** Any decision: any text in every field that holds one, lone halves of surrogate pairs, NUL and quotes among them. */
const DECISION: fc.Arbitrary<DecisionRecord> = fc
  .record({
    texts: fc.array(fc.oneof(fc.constant(''), fc.string({ unit: 'binary' }), fc.constant('\ud800"\\\0\u2028é')), {
      minLength: TEXTS.length,
      maxLength: TEXTS.length,
    }),
    direction: fc.constantFrom('in' as const, 'out' as const),
    allowed: fc.boolean(),
    advised: fc.boolean(),
    atMs: fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }),
    policyEpoch: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  })
  .map(({ texts, ...rest }) =>
    aDecision({ ...rest, ...Object.fromEntries(TEXTS.map((name, at) => [name, texts[at] ?? ''])) }),
  )

function messageOf({ atMs, ...record }: DecisionRecord): Decision {
  const whole = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === 'string' ? wellFormed(value) : value,
  ])
  return create(DecisionSchema, { ...Object.fromEntries(whole), at: timestampFromMs(atMs) })
}

test('a payload is the canonical JSON of the decision, and is read back as that decision, whatever its texts are', () => {
  fc.assert(
    fc.property(DECISION, (record) => {
      const text = Buffer.from(payloadOf(record)).toString()
      expect(fromJsonString(DecisionSchema, text)).toEqual(messageOf(record))
      expect(text).toBe(canonicalize(JSON.parse(text)))
      const { at: _, ...names } = toJson(DecisionSchema, messageOf(record), { useProtoFieldName: true }) as object & { at: string } // prettier-ignore
      const { at: __, ...written } = JSON.parse(text) as object & { at: string }
      expect(written).toEqual(names)
    }),
    { numRuns: 300 },
  )
})
