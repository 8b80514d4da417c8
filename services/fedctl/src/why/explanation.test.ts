import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { decide, parseBearer, SCOPES, hasScope } from '@powernode/policy'
import { aPolicy, PEER, SITUATIONS, type Situation } from '@powernode/policy/testing'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { GrantSchema, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { ResidencyRuleSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { ResidencySchema } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { describe, expect, test } from 'vitest'
import { explain, type Case } from './explanation.ts'

const REMOTE_ID = '019b76da-a800-7000-8000-0000000000dd'
const refusals = SITUATIONS.filter(({ reason }) => reason !== 'ALLOWED')

/** What the side that was asked has in its records. */
function caseOf({ world }: Situation): Case {
  const { page, request, atMs } = world
  const verdict = decide(aPolicy(page), request, atMs)
  const residency = page.residencies?.find(({ peerId }) => peerId === request.peerId)
  const rule = page.residencyRules?.rules.find(({ id }) => id === verdict.residency?.ruleId)
  const grant = page.grants?.find(({ id }) => id === verdict.grantId)
  return {
    decision: create(DecisionSchema, {
      id: '019b76da-a800-7000-8000-0000000000d1',
      direction: 'in',
      at: timestampFromMs(atMs),
      peerId: request.peerId,
      allowed: verdict.allowed,
      reason: verdict.reason,
      axis: verdict.axis,
      detail: verdict.detail,
      resourceKind: request.kind,
      resourceId: request.id,
      scope: request.scope,
      nodeInstanceId: request.nodeInstanceId,
      sdwanNetworkId: request.sdwanNetworkId,
      sourceAddress: request.sourceAddress,
      grantId: verdict.grantId,
      residencyRuleId: verdict.residency?.ruleId ?? '',
      destinationRegion: verdict.residency?.destination ?? '',
      advised: verdict.residency?.advised ?? false,
    }),
    name: (text) => text,
    grant: grant && grantOf(grant),
    rule: rule && create(ResidencyRuleSchema, { ...rule, allowedRegions: [...rule.allowedRegions] }),
    residency:
      residency &&
      create(ResidencySchema, {
        peerId: residency.peerId,
        dataResidency: residency.tag,
        setBy: 'operator/alice',
        declared: request.declaredResidency,
        located: residency.located,
      }),
  }
}

function grantOf(grant: NonNullable<Situation['world']['page']['grants']>[number]): Grant {
  const { id, peerId, resourceKind, resourceId, revokedAtMs, notBeforeMs, expiresAtMs } = grant
  return create(GrantSchema, {
    id,
    peerId,
    resourceKind,
    resourceId,
    scopes: SCOPES.filter((scope) => hasScope(grant.scopes, scope)),
    nodeInstanceIds: [...grant.nodeInstanceIds],
    sdwanNetworkIds: [...grant.sdwanNetworkIds],
    sourceCidrs: [...grant.sourceCidrs],
    boundIdentities: [...grant.boundIdentities],
    issuedAt: timestampFromMs(notBeforeMs),
    expiresAt: timestampFromMs(expiresAtMs),
    ...(revokedAtMs > 0 && { revokedAt: timestampFromMs(revokedAtMs), revocationReason: 'left the project' }),
  })
}

/** What the explanation of each reason and axis has to say, beside what all have to. */
const SAYS: Readonly<Record<string, RegExp>> = {
  'GRANT_MISSING bearer': /no grant/,
  'GRANT_UNKNOWN bearer': /bearer|there is no grant/,
  'GRANT_FOREIGN peer': /given to .*, not to/,
  'GRANT_NOT_BOUND identity': /certificate they showed/,
  'GRANT_EXPIRED lifetime': /had run out|not good yet/,
  'GRANT_REVOKED lifetime': /had been revoked/,
  'SCOPE_MISMATCH kind': /another kind/,
  'SCOPE_MISMATCH id': /for one resource/,
  'SCOPE_MISMATCH scope': /does not give/,
  'SCOPE_MISMATCH instance': /node/,
  'SCOPE_MISMATCH network': /network/,
  'SCOPE_MISMATCH bridge': /no active bridge/,
  'SCOPE_MISMATCH source': /from|address/,
  'KIND_UNKNOWN kind': /no service of ours serves/,
  'RESIDENCY_VIOLATION residency': /would go to/,
  'RESIDENCY_UNKNOWN residency': /does not say where it is|did not say where it was|no known region/,
}

describe('on the side that was asked', () => {
  test.each(refusals)('$reason $axis: $name', (situation) => {
    const found = caseOf(situation)
    expect([found.decision.reason, found.decision.axis]).toEqual([situation.reason, situation.axis])
    const { because, outcome, told, asked, next, askThem } = explain(found)
    expect(because).toMatch(SAYS[`${situation.reason} ${situation.axis}`] ?? /^$/)
    expect(outcome).toBe('refused by us')
    expect(asked).toContain(situation.world.request.scope)
    expect(asked).toContain(situation.world.request.kind)
    if (situation.wire !== situation.reason) expect(told).toContain(situation.wire)
    expect(next.length).toBeGreaterThan(0)
    expect(askThem).toEqual([])
    const secret = parseBearer(situation.world.request.bearer ?? '')?.secret
    if (secret) expect(JSON.stringify(explain(found))).not.toContain(secret)
  })

  test('an empty axis is not called a list of certain nodes', () => {
    const situation = refusals.find(({ name }) => name.startsWith('an empty instance axis'))
    const { because, says } = explain(caseOf(situation as Situation))
    expect(because).toContain('wants every axis said')
    expect(says).toContain('strict_axes')
  })

  test('what a grant says is quoted beside what was asked', () => {
    const situation = refusals.find(({ name }) => name === 'read used to write')
    expect(explain(caseOf(situation as Situation))).toMatchObject({
      because: 'the grant does not give write',
      says: 'the grant gives read; none implies another',
      next: [expect.stringMatching(/fedctl grant update .* --scope read,write/)],
    })
  })
})

describe('on the side that asked', () => {
  /** The same call, as far as the other side told us of it. */
  const theirs = ({ decision }: Case, { wire, axis }: Situation): Decision =>
    create(DecisionSchema, {
      ...decision,
      direction: 'out',
      reason: wire ?? '',
      axis: wire === 'SCOPE_MISMATCH' ? axis : '',
      detail: 'the peer refused',
      remoteDecisionId: REMOTE_ID,
    })

  test.each(refusals)('$wire $axis: $name', (situation) => {
    const found = caseOf(situation)
    const decision = theirs(found, situation)
    const { because, outcome, askThem, next } = explain({ decision, name: (text) => text })
    expect(outcome).toBe('refused by them')
    expect(askThem).toContain(`fedctl why ${REMOTE_ID}`)
    expect(next.length).toBeGreaterThan(0)
    if (situation.wire === 'SCOPE_MISMATCH') expect(because).toContain(`(${situation.axis})`)
  })

  test('bearers that give no access are explained alike: their side says no more', () => {
    const invalid = refusals.filter(({ wire }) => wire === 'GRANT_INVALID')
    const said = invalid.map((situation) => {
      const decision = create(DecisionSchema, { ...theirs(caseOf(situation), situation), grantId: '', peerId: 'b' })
      return explain({ decision, name: (text) => text }).because
    })
    expect(invalid.length).toBeGreaterThan(5)
    expect(new Set(said).size).toBe(1)
  })

  test('what did not leave here is our own refusal, and there is nobody to ask', () => {
    const decision = create(DecisionSchema, {
      direction: 'out',
      peerId: 'b',
      reason: 'RESIDENCY_VIOLATION',
      axis: 'residency',
      detail: 'data of class "personal" would go to "us"',
    })
    expect(explain({ decision, name: (text) => text })).toMatchObject({
      outcome: expect.stringContaining('not sent'),
      because: 'data of class "personal" would go to "us"',
      askThem: [],
    })
  })

  test('a peer that did not answer has not refused', () => {
    const decision = create(DecisionSchema, {
      direction: 'out',
      peerId: 'b',
      reason: 'PEER_UNREACHABLE',
      detail: 'the peer cannot be reached',
    })
    expect(explain({ decision, name: (text) => text })).toMatchObject({ outcome: 'not answered', askThem: [] })
  })
})

test('a reason of a later version is passed on, with where it stands', () => {
  for (const direction of ['in', 'out']) {
    const decision = create(DecisionSchema, { direction, reason: 'MOON_PHASE', detail: 'the moon is full' })
    expect(explain({ decision, name: (text) => text })).toMatchObject({
      because: 'the moon is full',
      next: ['docs/errors.md explains MOON_PHASE'],
    })
  }
})

test.each([
  ['a peer that was outside its tag when that was set, and says that it is inside now', 'it said us'],
  ['a peer that did not say where it was when its tag was set, and says it now', 'it said nothing'],
])('%s: what to do is to set the tag again', (name, said) => {
  const { because, next } = explain(caseOf(refusals.find((situation) => situation.name === name) as Situation))
  expect(because).toMatch(/when the tag was set/)
  expect(next).toContainEqual(expect.stringMatching(`${said}.*fedctl residency set ${PEER} eu$`))
})

test('a peer that is where it was is not to be accepted anew', () => {
  const outside = refusals.find(({ name }) => name === 'a peer outside its tag') as Situation
  expect(explain(caseOf(outside)).next.join()).not.toContain('residency set')
})

test('an allowed call says by which grant, and what residency advises against', () => {
  const advised = SITUATIONS.find((situation) => situation.advised) as Situation
  const { outcome, because } = explain(caseOf(advised))
  expect(outcome).toBe('allowed')
  expect(because).toMatch(/grant .* covers it; under enforce residency would have refused it/)
})
