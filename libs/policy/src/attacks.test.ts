import { elapsed } from '@powernode/process'
import { describe, expect, test } from 'vitest'
import { decide, PolicyTable, type AccessRequest } from './index.ts'
import { aPolicy, aRequest, BEARER, GRANT, GRANT_ID, NOW_MS, OTHER_PEER, PEER, SECRET } from './testing.ts'
import { pageOf, sha256Of, WORLD } from './testing/world.ts'

/** Known mistakes of others, by the names they are known by. The rest of the attacks are rows of SITUATIONS. */
describe('OpenFGA CVE-2026-33729: a cached answer ignores the conditions', () => {
  test('the same grant and resource, asked from elsewhere or later, gets the answer of that question', () => {
    const policy = aPolicy({ ...WORLD.page, grants: [{ ...GRANT, sourceCidrs: ['192.0.2.0/24'] }] })
    const inside = aRequest({ sourceAddress: '192.0.2.7' })
    const outside = aRequest({ sourceAddress: '198.51.100.1' })
    for (let time = 0; time < 3; time++) {
      expect(decide(policy, inside, NOW_MS).reason).toBe('ALLOWED')
      expect(decide(policy, outside, NOW_MS).reason).toBe('SCOPE_MISMATCH')
      expect(decide(policy, inside, GRANT.expiresAtMs).reason).toBe('GRANT_EXPIRED')
      expect(decide(policy, { ...inside, declaredResidency: 'us' }, NOW_MS).residency?.destination).toBe('us')
    }
  })

  test('axes said in other order are other axes: lists are held by what they say', () => {
    const other = { ...GRANT, id: `${GRANT_ID.slice(0, -1)}2`, nodeInstanceIds: ['i-1'], sdwanNetworkIds: [] }
    const policy = aPolicy({
      ...WORLD.page,
      grants: [{ ...GRANT, nodeInstanceIds: [], sdwanNetworkIds: ['i-1'] }, other],
    })
    expect(decide(policy, aRequest({ nodeInstanceId: 'i-1' }), NOW_MS).axis).toBe('network')
    expect(
      decide(policy, aRequest({ nodeInstanceId: 'i-1', bearer: `fg-${other.id}.${SECRET}` }), NOW_MS).allowed,
    ).toBe(true)
  })
})

describe('OpenFGA #3155: a fill that was begun before a write lands after it', () => {
  const granted = pageOf(WORLD.page)
  const revoked = pageOf({ grants: [{ ...GRANT, revokedAtMs: NOW_MS - 1 }] })

  test('what a stream brought and did not complete never comes into force', () => {
    const table = new PolicyTable()
    table.begin(true)
    table.apply(granted)
    expect(decide(table, aRequest(), NOW_MS).reason).toBe('GRANT_UNKNOWN')
    // The stream ends here. Another one says the grant is gone; the first one's page may not come back with its position.
    table.begin(true)
    table.apply(pageOf({ ...WORLD.page, grants: [] }))
    table.position(2n)
    expect(decide(table, aRequest(), NOW_MS).reason).toBe('GRANT_UNKNOWN')
    expect(table.size).toBe(0)
  })

  test('a change that was cut off is forgotten when the stream goes on', () => {
    const table = aPolicy()
    table.begin(false)
    table.apply(pageOf({ grants: [{ ...GRANT, scopes: 15 }] }))
    table.begin(false)
    table.apply(revoked)
    table.position(3n)
    expect(decide(table, aRequest(), NOW_MS).reason).toBe('GRANT_REVOKED')
  })

  test('while a snapshot is read, changes of it that follow are on top of it, and nothing shows before its position', () => {
    const table = aPolicy()
    table.begin(true)
    table.apply(granted)
    table.apply(revoked)
    expect(decide(table, aRequest(), NOW_MS).allowed).toBe(true) // still the one of before, at its own epoch
    expect(table.epoch).toBe(1n)
    table.position(4n)
    expect(decide(table, aRequest(), NOW_MS).reason).toBe('GRANT_REVOKED')
    expect(table.epoch).toBe(4n)
  })

  test('one change is one change: no decision sees the half of it', () => {
    const table = aPolicy({ ...WORLD.page, settings: { strictAxes: true } })
    table.apply(pageOf({ settings: { strictAxes: false } }))
    expect(decide(table, aRequest(), NOW_MS).axis).toBe('instance')
    table.apply(pageOf({ residencies: [{ peerId: PEER, tag: 'us', mode: '', located: '' }] }))
    table.position(2n)
    expect(decide(table, aRequest(), NOW_MS).reason).toBe('RESIDENCY_VIOLATION')
  })
})

describe('OpenFGA CVE-2026-55170: ids that differ only in case, or in how Unicode spells them', () => {
  test.each<[string, Partial<AccessRequest>]>([
    ['kind', { kind: 'nodemodule' }],
    ['id', { id: 'CAFÉ' }],
    ['id', { id: 'cafe\u0301' }],
    ['id', { id: 'caf\u00e9 ' }],
    ['peer', { peerId: PEER.toUpperCase() }],
    ['identity', { presentedIdentity: 'SPIFFE://b.example/service/federation-gateway' }],
    ['bearer', { bearer: BEARER.replace('fg-', 'FG-') }],
  ])('%s: %j is another one', (axis, said) => {
    const policy = aPolicy({ ...WORLD.page, grants: [{ ...GRANT, resourceId: 'caf\u00e9' }] })
    expect(decide(policy, aRequest({ id: 'caf\u00e9' }), NOW_MS).allowed).toBe(true)
    expect(decide(policy, aRequest({ id: 'caf\u00e9', ...said }), NOW_MS).axis).toBe(axis)
  })
})

describe('OpenFGA CVE-2026-34972: duplicates in one batch', () => {
  test('each question of a batch gets its own answer, also those that are the same but for one word', () => {
    const policy = aPolicy({ ...WORLD.page, grants: [{ ...GRANT, nodeInstanceIds: ['i-1'] }] })
    const ids = ['i-1', 'i-2', 'i-1', '', 'i-2', 'i-1']
    const answers = ids.map((nodeInstanceId) => decide(policy, aRequest({ nodeInstanceId }), NOW_MS).allowed)
    expect(answers).toEqual([true, false, true, false, false, true])
  })

  test('of a grant that is twice in a page the last counts, whichever it is', () => {
    const revoked = { ...GRANT, revokedAtMs: NOW_MS - 1 }
    const last = aPolicy({ ...WORLD.page, grants: [GRANT, revoked] })
    expect([last.size, decide(last, aRequest(), NOW_MS).reason]).toEqual([1, 'GRANT_REVOKED'])
    const first = aPolicy({ ...WORLD.page, grants: [revoked, GRANT] })
    expect([first.size, decide(first, aRequest(), NOW_MS).reason]).toEqual([1, 'ALLOWED'])
  })

  test('what a page brings and removes at once is removed', () => {
    const table = aPolicy()
    table.apply({ ...pageOf({ grants: [GRANT] }), removedGrantIds: [GRANT_ID, GRANT_ID] })
    table.position(2n)
    expect([table.size, decide(table, aRequest(), NOW_MS).reason]).toEqual([0, 'GRANT_UNKNOWN'])
  })
})

test('SpiceDB 1.54-1.57: reading a grant, however often, does not make it live longer', () => {
  const policy = aPolicy()
  for (let at = GRANT.expiresAtMs - 1000; at < GRANT.expiresAtMs; at++)
    expect(decide(policy, aRequest(), at).allowed).toBe(true)
  expect(decide(policy, aRequest(), GRANT.expiresAtMs).reason).toBe('GRANT_EXPIRED')
  // Nor does the feed telling the same row again.
  policy.apply(pageOf({ grants: [GRANT] }))
  policy.position(2n)
  expect(decide(policy, aRequest(), GRANT.expiresAtMs).reason).toBe('GRANT_EXPIRED')
})

test('SpiceDB GHSA-4vrg-r928-h5vv: many at once, each gets the answer to its own question at its own epoch', async () => {
  const table = aPolicy()
  const isOpen = (epoch: bigint): boolean => epoch % 2n === 1n
  const asker = async (mine: boolean): Promise<number> => {
    let wrong = 0
    for (let round = 0; round < 500; round++) {
      const { allowed } = decide(table, aRequest(mine ? {} : { peerId: OTHER_PEER }), NOW_MS)
      if (allowed !== (mine && isOpen(table.epoch))) wrong++
      await Promise.resolve()
    }
    return wrong
  }
  const changes = async (): Promise<void> => {
    for (let epoch = 2n; epoch < 400n; epoch++) {
      const page = pageOf({ grants: [isOpen(epoch) ? GRANT : { ...GRANT, revokedAtMs: 1 }] })
      if (epoch % 7n === 0n) {
        table.begin(true)
        table.apply(pageOf({ ...WORLD.page, grants: [] }))
      }
      table.apply(page)
      await Promise.resolve()
      table.position(epoch)
      await Promise.resolve()
    }
  }
  const askers = Array.from({ length: 20 }, (_, index) => asker(index % 2 === 0))
  const [wrong] = await Promise.all([Promise.all(askers), changes()])
  expect(wrong.every((count) => count === 0)).toBe(true)
  expect(table.epoch).toBe(399n)
})

test('a grant taken from the table stays what it was, whatever takes its place there', () => {
  const table = aPolicy()
  const held = table.grant(GRANT_ID)
  table.apply({ ...pageOf({ grants: [] }), removedGrantIds: [GRANT_ID] })
  table.position(2n)
  table.apply(pageOf({ grants: [{ ...GRANT, id: 'another', secretSha256: sha256Of('another') }] }))
  table.position(3n)
  expect(held).toEqual({ ...GRANT, secretSha256: new Uint8Array(GRANT.secretSha256) })
})

test('an unknown and a revoked grant take the same time: both secrets are digested and compared', () => {
  const policy = aPolicy({ ...WORLD.page, grants: [{ ...GRANT, revokedAtMs: 1 }] })
  const unknown = aRequest({ bearer: `fg-${GRANT_ID.slice(0, -1)}9.${SECRET}` })
  const took: Record<string, number[]> = { GRANT_REVOKED: [], GRANT_UNKNOWN: [], GRANT_MISSING: [] }
  for (let round = 0; round < 300; round++)
    for (const request of [unknown, aRequest(), aRequest({ bearer: '' })]) {
      const ms = elapsed()
      const { reason } = decide(policy, request, NOW_MS)
      for (let time = 0; time < 49; time++) decide(policy, request, NOW_MS)
      took[reason]?.push(ms())
    }
  const median = (reason: string): number => took[reason]?.sort((a, b) => a - b)[150] ?? Number.NaN
  const ratio = median('GRANT_UNKNOWN') / median('GRANT_REVOKED')
  expect(ratio).toBeGreaterThan(0.5)
  expect(ratio).toBeLessThan(2)
  // The twin: where nothing is digested, it shows.
  expect(median('GRANT_MISSING') / median('GRANT_REVOKED')).toBeLessThan(0.5)
})
