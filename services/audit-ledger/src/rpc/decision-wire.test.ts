import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { decisionFromWire } from './decision-wire.ts'

const GOOD: MessageInitShape<typeof DecisionSchema> = {
  id: '01930000-0000-7000-8000-000000000001',
  direction: 'in',
  at: { seconds: 1_800_000_000n },
  allowed: true,
  reason: 'ALLOWED',
}

test('a decision is taken as it is told', () => {
  expect(decisionFromWire(create(DecisionSchema, GOOD))).toMatchObject({ id: GOOD.id, allowed: true })
})

test.each<[string, MessageInitShape<typeof DecisionSchema>]>([
  ['that is allowed for another reason', { reason: 'GRANT_REVOKED' }],
  ['that is refused because it is allowed', { allowed: false }],
  ['of a moment that is none', { at: { seconds: 9_000_000_000_000_000n } }],
  ['of a moment that the database cannot hold', { at: { seconds: -200_000_000_000n } }],
  ['on an epoch that is none', { policyEpoch: 9_223_372_036_854_775_807n }],
])('one gateway alone is refused for a decision %s, which would break the batch of all', (_, some) => {
  const wire = create(DecisionSchema, { ...GOOD, ...some } as typeof GOOD)
  expect(() => decisionFromWire(wire)).toThrow(/a decision has/)
})
