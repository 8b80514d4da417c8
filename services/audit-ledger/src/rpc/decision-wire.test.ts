import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { decisionFromBody, entryFromDecision } from './decision-wire.ts'

const GOOD: MessageInitShape<typeof DecisionSchema> = {
  id: '01930000-0000-7000-8000-000000000001',
  direction: 'in',
  at: { seconds: 1_800_000_000n },
  allowed: true,
  reason: 'ALLOWED',
}

test('a decision is written down as an entry whose payload is the decision', () => {
  const wire = create(DecisionSchema, { ...GOOD, detail: 'as it is', policyEpoch: 7n })
  const entry = entryFromDecision(wire)
  expect(entry).toMatchObject({ id: GOOD.id, action: 'federation.call.allowed', log: 'platform', direction: 'in' })
  expect(decisionFromBody(Buffer.from(entry.payload ?? '').toString())).toEqual(wire)
})

test('a call of ours is known on both sides by our id of it, a call of the peer by its own', () => {
  const other = '01930000-0000-7000-8000-000000000002'
  const said = { ...GOOD, remoteDecisionId: other } as typeof GOOD
  expect(entryFromDecision(create(DecisionSchema, { ...said, direction: 'out' }))).toMatchObject({ contentId: GOOD.id })
  expect(entryFromDecision(create(DecisionSchema, said))).toMatchObject({ contentId: other, remoteId: other })
})

test.each<[string, MessageInitShape<typeof DecisionSchema>]>([
  ['that is allowed for another reason', { reason: 'GRANT_REVOKED' }],
  ['that is refused because it is allowed', { allowed: false }],
  ['of a moment that is none', { at: { seconds: 9_000_000_000_000_000n } }],
  ['of a moment that the database cannot hold', { at: { seconds: -200_000_000_000n } }],
  ['on an epoch that is none', { policyEpoch: 9_223_372_036_854_775_807n }],
])('one gateway alone is refused for a decision %s, which would break the batch of all', (_, some) => {
  const wire = create(DecisionSchema, { ...GOOD, ...some } as typeof GOOD)
  expect(() => entryFromDecision(wire)).toThrow(/a decision has/)
})
