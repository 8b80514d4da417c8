import { expect, test } from 'vitest'
import { decide } from './decide.ts'
import type { PolicyGrant } from './policy.ts'
import { aPolicy, SITUATIONS } from './testing.ts'
import { onWire, WIRE } from './wire.ts'

const verdicts = SITUATIONS.map(({ world, ...situation }) => ({
  ...situation,
  world,
  verdict: decide(aPolicy(world.page), world.request, world.atMs),
}))

test('unknown, foreign, not bound, expired and revoked grants are one answer: same words, no metadata', () => {
  const answers = verdicts.filter(({ wire }) => wire === 'GRANT_INVALID').map(({ verdict }) => onWire(verdict))
  expect(new Set(verdicts.filter(({ wire }) => wire === 'GRANT_INVALID').map(({ reason }) => reason))).toEqual(
    new Set(['GRANT_UNKNOWN', 'GRANT_FOREIGN', 'GRANT_NOT_BOUND', 'GRANT_EXPIRED', 'GRANT_REVOKED']),
  )
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
})

test('a mismatch names its axis, and nothing that is on the grant or in the policy', () => {
  for (const { verdict, axis, wire, world, name } of verdicts) {
    const answer = onWire(verdict)
    expect(answer?.metadata ?? {}, name).toEqual(wire === 'SCOPE_MISMATCH' ? { axis } : {})
    const told = JSON.stringify(answer) ?? ''
    const { request, page } = world
    const secrets = [
      ...(page.grants ?? []).flatMap(listed),
      ...(page.residencies ?? []).map(({ tag }) => tag),
      request.nodeInstanceId,
      request.sdwanNetworkId,
      request.id,
      request.bearer ?? '',
    ].filter((text) => text.length > 1)
    for (const secret of secrets) expect(told, name).not.toContain(`"${secret}"`)
    if (answer) expect(answer.sentence, name).toBe(WIRE[verdict.reason as keyof typeof WIRE].sentence)
  }
})

test('our own record says why in a sentence, and never the secret', () => {
  for (const { verdict, world, name } of verdicts) {
    expect(verdict.detail.length, name).toBeGreaterThan(10)
    expect(JSON.stringify(verdict), name).not.toContain(world.request.bearer?.split('.')[1] ?? 'no secret')
  }
})

test('every reason to refuse is met by some situation, but for a policy that is out of date', () => {
  const met = new Set(verdicts.map(({ reason }) => reason))
  expect(Object.keys(WIRE).filter((reason) => !met.has(reason as never))).toEqual(['POLICY_STALE'])
})

const listed = (grant: PolicyGrant): string[] => [
  grant.resourceId,
  ...[grant.nodeInstanceIds, grant.sdwanNetworkIds, grant.sourceCidrs, grant.boundIdentities].flat(),
]
