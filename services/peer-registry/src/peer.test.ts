import { Refusal } from '@powernode/rpc'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agreeTimers, missingDisclosure, move, MOVES, nextState, PEER_STATES, RESUMED, type Move, type Peer } from './peer.ts' // prettier-ignore

const ALL_MOVES: readonly Move[] = [
  'accept',
  'enroll',
  'heartbeat',
  'fallSilent',
  'suspend',
  'resume',
  'revoke',
  'diverge',
]

test('every move a peer may make, and no other', () => {
  const table = PEER_STATES.map((from) =>
    [from, ...ALL_MOVES.map((by) => MOVES[from][by] ?? '-')]
      .map((word) => word.padEnd(10))
      .join('')
      .trimEnd(),
  )
  expect(table).toEqual([
    //         accept    enroll    heartbeat fallSilent suspend  resume    revoke    diverge
    'proposed  accepted  -         -         -         -         -         revoked   -',
    'accepted  -         enrolled  -         -         suspended -         revoked   -',
    'enrolled  -         -         active    -         suspended -         revoked   -',
    'active    -         -         active    degraded  suspended -         revoked   degraded',
    'degraded  -         -         active    -         suspended -         revoked   -',
    'suspended -         -         -         -         -         degraded  revoked   -',
    'revoked   -         -         -         -         -         -         -         -',
  ])
})

test('a resumed peer returns to where it was; one that was active must prove itself first', () => {
  expect(RESUMED).toEqual({ accepted: 'accepted', enrolled: 'enrolled', active: 'degraded', degraded: 'degraded' })
})

test('a refused move says what the peer is and what it could do', () => {
  try {
    nextState('proposed', 'suspend')
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal)
    expect(error).toMatchObject({
      reason: 'MOVE_NOT_ALLOWED',
      message: 'a peer that is proposed cannot be suspended',
      metadata: { state: 'proposed', move: 'suspend', allowed: 'accept,revoke' },
    })
  }
})

describe('whatever moves are made, in any order', () => {
  const at = (seconds: number) => new Date(seconds * 1000)
  const proposed = { state: 'proposed', suspendedFrom: null, since: at(0), acceptedAt: null, enrolledAt: null, revokedAt: null } as Peer // prettier-ignore
  const walk = (moves: readonly Move[]) => {
    const seen: Peer[] = [proposed]
    moves.forEach((by, second) => {
      const before = seen.at(-1)!
      try {
        seen.push(move(before, by, by, at(second + 1)))
      } catch (error) {
        expect(error).toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })
      }
    })
    return seen
  }
  const walks = fc.array(fc.constantFrom(...ALL_MOVES), { maxLength: 30 }).map(walk)

  test('a peer that was revoked stays so', () => {
    fc.assert(
      fc.property(walks, (seen) => {
        const end = seen.findIndex(({ state }) => state === 'revoked')
        expect(end === -1 || end === seen.length - 1).toBe(true)
      }),
    )
  })

  test('only a suspended peer remembers where from, only a revoked one is dated so, and since is when the state began', () => {
    fc.assert(
      fc.property(walks, (seen) => {
        seen.forEach((peer, index) => {
          expect(peer.state === 'suspended').toBe(peer.suspendedFrom !== null)
          expect(peer.state === 'revoked').toBe(peer.revokedAt !== null)
          const before = seen[index - 1]
          if (before?.state === peer.state) expect(peer.since).toEqual(before.since)
        })
      }),
    )
  })

  test('nobody becomes active without a heartbeat', () => {
    fc.assert(
      fc.property(walks, (seen) => {
        for (const [index, { state, reason }] of seen.entries())
          if (state === 'active' && seen[index - 1]?.state !== 'active') expect(reason).toBe('heartbeat')
      }),
    )
  })
})

test('a disclosure of blanks discloses nothing', () => {
  const said = { contact: ' ', jurisdiction: '\t', platformVersion: '1', releaseTag: '' }
  expect(missingDisclosure(said)).toEqual(['contact', 'jurisdiction', 'release_tag'])
})

const timersOf = (heartbeatIntervalMs: number, staleAfterMs: number, staleAfterMostMs = 12 * staleAfterMs) => ({
  heartbeatIntervalMs,
  staleAfterMs,
  staleAfterMostMs,
})

test('both sides reach the same timers, whoever computes first, and patience outlasts three beats', () => {
  const timers = fc
    .record({
      heartbeatIntervalMs: fc.integer({ min: 100, max: 3_600_000 }),
      staleAfterMs: fc.integer({ min: 300, max: 86_400_000 }),
      times: fc.integer({ min: 1, max: 20 }),
    })
    .map(({ heartbeatIntervalMs, staleAfterMs, times }) => timersOf(heartbeatIntervalMs, staleAfterMs, times * staleAfterMs)) // prettier-ignore
  fc.assert(
    fc.property(timers, timers, (ours, theirs) => {
      const agreed = agreeTimers(ours, theirs)
      expect(agreeTimers(theirs, agreed)).toEqual(agreed)
      expect(agreeTimers(ours, agreed)).toEqual(agreed)
      expect(agreed.staleAfterMs).toBeGreaterThanOrEqual(3 * agreed.heartbeatIntervalMs)
      expect(agreed.staleAfterMs).toBeLessThanOrEqual(Math.min(ours.staleAfterMostMs, theirs.staleAfterMostMs))
    }),
  )
  expect(agreeTimers(timersOf(1, 9), undefined)).toEqual(timersOf(1, 9))
})

test('nobody is made to wait for longer than it agrees to: twelve times its own patience, unless its operator says otherwise', () => {
  const [ours, aDay] = [timersOf(60_000, 300_000), timersOf(3_600_000, 86_400_000)]
  expect(agreeTimers(ours, aDay)).toMatchObject({ staleAfterMs: 3_600_000, heartbeatIntervalMs: 1_200_000 })
  expect(agreeTimers(timersOf(60_000, 300_000, 86_400_000), aDay)).toMatchObject({ staleAfterMs: 86_400_000 })
})
