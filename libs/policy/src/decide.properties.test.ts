import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, decideWithGrant } from './decide.ts'
import type { AccessRequest, PolicyGrant } from './policy.ts'
import { policyOf } from './policy-table.ts'
import { atMs, grant, page, pageAndRequest, request } from './testing/arbitraries.ts'
import { naiveDecision } from './testing/naive.ts'
import { aPolicy, pageOf, type Page } from './testing/world.ts'

const RUNS = { numRuns: 3000 }

test('decide says what a second, naive hand says: the reason, and the axis', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(pageAndRequest, request, fc.boolean(), atMs, ({ page, request }, other, isOther, at) => {
      const asked = isOther ? other : request
      const { reason, axis } = decide(aPolicy(page), asked, at)
      expect([reason, axis]).toEqual(naiveDecision(page, asked, at))
      seen.add(`${reason} ${axis}`)
    }),
    { numRuns: 20_000 },
  )
  // What the two hands agree on is worth something only if they were asked about everything.
  expect([...seen].sort()).toEqual(
    [
      'ALLOWED ',
      'GRANT_EXPIRED lifetime',
      'GRANT_FOREIGN peer',
      'GRANT_MISSING bearer',
      'GRANT_NOT_BOUND identity',
      'GRANT_REVOKED lifetime',
      'GRANT_UNKNOWN bearer',
      'KIND_UNKNOWN kind',
      'RESIDENCY_UNKNOWN residency',
      'RESIDENCY_VIOLATION residency',
      ...['bridge', 'id', 'instance', 'kind', 'network', 'scope', 'source'].map((axis) => `SCOPE_MISMATCH ${axis}`),
    ].sort(),
  )
})

test('taking anything away never allows more', () => {
  let taken = 0
  fc.assert(
    fc.property(pageAndRequest, atMs, fc.nat(), ({ page, request }, at, which) => {
      const smaller = lesserPages(page)
      const less = smaller[which % smaller.length]
      if (!less) return
      const before = decide(aPolicy(page), request, at)
      const after = decide(aPolicy(less), request, at)
      if (before.allowed && !after.allowed) taken++
      if (after.allowed) expect(before.allowed).toBe(true)
    }),
    { numRuns: 20_000 },
  )
  expect(taken).toBeGreaterThan(50) // the twin: what was taken away did matter, often enough
})

test('revoking denies, whatever else is true, and whenever it is asked', () => {
  fc.assert(
    fc.property(pageAndRequest, atMs, fc.double({ noDefaultInfinity: false }), ({ page, request }, at, revokedAtMs) => {
      if (revokedAtMs === 0) return
      const grants = page.grants?.map((grant) => ({ ...grant, revokedAtMs })) ?? []
      expect(decide(aPolicy({ ...page, grants }), request, at).allowed).toBe(false)
    }),
    RUNS,
  )
})

test('a grant for one peer never allows another', () => {
  let foreign = 0
  fc.assert(
    fc.property(pageAndRequest, atMs, fc.string(), ({ page, request }, at, other) => {
      const held = page.grants?.find(({ id }) => request.bearer?.includes(id))
      if (!held || held.peerId === other) return
      const verdict = decide(aPolicy(page), { ...request, peerId: other }, at)
      expect(verdict.allowed).toBe(false)
      if (verdict.reason === 'GRANT_FOREIGN') foreign++
    }),
    RUNS,
  )
  expect(foreign).toBeGreaterThan(50)
})

test('the order of rows and of pages does not matter', () => {
  fc.assert(
    fc.property(pageAndRequest, atMs, fc.infiniteStream(fc.nat()), ({ page, request }, at, draws) => {
      const shuffled = <Row>(rows: readonly Row[] = []): Row[] =>
        rows
          .map((row) => ({ row, key: draws.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ row }) => row)
      const single = [
        ...(page.grants ?? []).map((grant): Page => ({ grants: [grant] })),
        ...(page.bridges ?? []).map((bridge): Page => ({ bridges: [bridge] })),
        ...(page.residencies ?? []).map((residency): Page => ({ residencies: [residency] })),
        ...(page.residencyRules ? [{ residencyRules: { ...page.residencyRules, rules: shuffled(page.residencyRules.rules) } }] : []), // prettier-ignore
        ...(page.servedKinds ? [{ servedKinds: { kinds: shuffled(page.servedKinds.kinds) } }] : []),
        ...(page.settings ? [{ settings: page.settings }] : []),
      ]
      const table = policyOf(shuffled(single).map(pageOf), 1n)
      expect(decide(table, request, at)).toEqual(decide(aPolicy(page), request, at))
    }),
    RUNS,
  )
})

test('there is an answer to anything, it is the same each time, and nobody is let in by nonsense', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 200 }))
  const nonsense: fc.Arbitrary<AccessRequest> = fc.record({
    peerId: text,
    enrolledIdentity: text,
    presentedIdentity: text,
    certificateSha256: text,
    bearer: fc.option(text, { nil: undefined }),
    kind: text,
    id: text,
    scope: fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty')),
    nodeInstanceId: text,
    sdwanNetworkId: text,
    sourceAddress: text,
    declaredResidency: text,
  })
  const strange: fc.Arbitrary<PolicyGrant> = fc.record({
    id: text,
    peerId: text,
    secretSha256: fc.uint8Array({ maxLength: 64 }),
    resourceKind: text,
    resourceId: text,
    scopes: fc.oneof(fc.double(), fc.integer()),
    nodeInstanceIds: fc.array(text),
    sdwanNetworkIds: fc.array(text),
    sourceCidrs: fc.array(text),
    boundIdentities: fc.array(text),
    notBeforeMs: fc.double(),
    expiresAtMs: fc.double(),
    revokedAtMs: fc.double(),
  })
  fc.assert(
    fc.property(page, nonsense, fc.oneof(strange, grant()), fc.double(), (page, request, grant, at) => {
      const policy = aPolicy(page)
      expect(decide(policy, request, at).allowed).toBe(false)
      expect(decideWithGrant(policy, request, grant, at)).toEqual(decideWithGrant(policy, request, grant, at))
    }),
    RUNS,
  )
})

/** Every page that has a little less than this one, in ways that can only take something away. */
function lesserPages(page: Page): Page[] {
  const { grants = [], bridges = [], residencies = [], residencyRules, servedKinds } = page
  const lesserGrants = grants.flatMap((grant, index) =>
    lesser(grant).map((less): Page => ({ ...page, grants: grants.with(index, less) })),
  )
  return [
    ...lesserGrants,
    ...grants.map((_, index): Page => ({ ...page, grants: grants.toSpliced(index, 1) })),
    ...bridges.map((_, index): Page => ({ ...page, bridges: bridges.toSpliced(index, 1) })),
    ...bridges.map((bridge, index): Page => ({
      ...page,
      bridges: bridges.with(index, { ...bridge, state: 'suspended' }),
    })),
    ...residencies.map((row, index): Page => ({
      ...page,
      residencies: residencies.with(index, { ...row, mode: 'enforce' }),
    })),
    ...(residencyRules?.regions.map((_, index): Page => ({ ...page, residencyRules: { ...residencyRules, regions: residencyRules.regions.toSpliced(index, 1) } })) ?? []), // prettier-ignore
    ...(residencyRules?.rules.map((rule, index): Page => ({ ...page, residencyRules: { ...residencyRules, rules: residencyRules.rules.with(index, { ...rule, allowedRegions: rule.allowedRegions.slice(1) }) } })) ?? []), // prettier-ignore
    ...(residencyRules?.rules.map((rule, index): Page => ({ ...page, residencyRules: { ...residencyRules, rules: residencyRules.rules.with(index, { ...rule, mode: 'enforce' }) } })) ?? []), // prettier-ignore
    ...(servedKinds?.kinds.map((_, index): Page => ({ ...page, servedKinds: { kinds: servedKinds.kinds.toSpliced(index, 1) } })) ?? []), // prettier-ignore
    { ...page, settings: { strictAxes: true } },
  ]
}

/** An axis that is emptied would mean any, and so would a star left alone: an axis loses a value only while others stay. */
function lesser(grant: PolicyGrant): PolicyGrant[] {
  const shorter = (axis: readonly string[]): string[][] =>
    axis.map((_, index) => axis.toSpliced(index, 1)).filter((rest) => rest.length > 0 && String(rest) !== '*')
  return [
    ...[1, 2, 4, 8].map((bit) => ({ ...grant, scopes: grant.scopes & ~bit })),
    ...shorter(grant.nodeInstanceIds).map((nodeInstanceIds) => ({ ...grant, nodeInstanceIds })),
    ...shorter(grant.sdwanNetworkIds).map((sdwanNetworkIds) => ({ ...grant, sdwanNetworkIds })),
    ...shorter(grant.sourceCidrs).map((sourceCidrs) => ({ ...grant, sourceCidrs })),
    ...shorter(grant.boundIdentities).map((boundIdentities) => ({ ...grant, boundIdentities })),
    { ...grant, expiresAtMs: grant.expiresAtMs - 5 },
    { ...grant, notBeforeMs: grant.notBeforeMs + 6 },
    { ...grant, revokedAtMs: 1 },
    { ...grant, secretSha256: new Uint8Array(32) },
    { ...grant, resourceId: grant.resourceId || 'r-1' },
  ]
}
