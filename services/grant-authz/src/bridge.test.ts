import { expect, test } from 'vitest'
import { move, MOVES, type Bridge, type BridgeMove, type BridgeState } from './bridge.ts'
import { NOW, PEER } from './testing.ts'

const bridge = (state: BridgeState): Bridge => ({
  id: 'b',
  peerId: PEER,
  sdwanNetworkId: 'n1',
  state,
  proposedAt: NOW,
  activatedAt: state === 'proposed' ? null : NOW,
  suspendedAt: state === 'suspended' ? NOW : null,
  revokedAt: state === 'revoked' ? NOW : null,
  revocationReason: '',
  metadata: {},
  revision: 1,
})

const outcome = (state: BridgeState, how: BridgeMove): string => {
  try {
    const after = move(bridge(state), { move: how, at: NOW, reason: 'r' })
    return after.state === state ? '=' : after.state
  } catch {
    return '-'
  }
}

test('the moves of a bridge; = is where it stands already, so that whose answer was lost may ask again', () => {
  const states = ['proposed', 'active', 'suspended', 'revoked'] as const
  const moves = ['activate', 'suspend', 'resume', 'revoke'] as const
  const table = states.map((state) =>
    [state, ...moves.map((how) => outcome(state, how))]
      .map((word) => word.padEnd(9))
      .join(' ')
      .trim(),
  )
  expect(table).toEqual([
    //         activate  suspend   resume    revoke
    'proposed  active    -         -         revoked',
    'active    =         suspended =         revoked',
    'suspended -         =         active    revoked',
    'revoked   -         -         -         =',
  ])
  expect(Object.keys(MOVES)).toEqual([...states])
})

test('what is revoked says why and since when, and a resumed bridge is suspended no more', () => {
  expect(move(bridge('active'), { move: 'revoke', at: NOW, reason: 'sold' })).toMatchObject({
    revokedAt: NOW,
    revocationReason: 'sold',
  })
  expect(move(bridge('suspended'), { move: 'resume', at: NOW, reason: '' }).suspendedAt).toBeNull()
})

test('a bridge that is over is told how to get another', () => {
  expect(() => move(bridge('revoked'), { move: 'resume', at: NOW, reason: '' })).toThrow(
    expect.objectContaining({ reason: 'MOVE_NOT_ALLOWED', next: `fedctl bridge propose ${PEER} n1` }),
  )
})
