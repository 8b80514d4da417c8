import { describe, expect, test } from 'vitest'
import type { Errand } from './errand.ts'
import { PEER_STATES, type Peer } from './peer.ts'
import { NO_SURROUNDINGS, standingOf } from './standing.ts'

const disclosure = { contact: 'x', jurisdiction: 'x', platformVersion: 'x', releaseTag: 'x' }
const peer = (said: Partial<Peer>): Peer =>
  ({ id: 'p1', reason: 'because', kind: 'platform', weRedeem: false, disclosure, ...said }) as Peer
const errand = (said: Partial<Errand>): Errand =>
  ({ kind: 'redeem', attempts: 0, lastError: '', nextAttemptAt: new Date(0), ...said }) as Errand
const invited = { invitationUntil: new Date('2026-02-01T00:00:00Z'), errands: [] }

test('no state stands alone: each says why, who acts, and what comes next unless nothing does', () => {
  for (const state of PEER_STATES) {
    const { reason, waitingOn, next } = standingOf(peer({ state }), NO_SURROUNDINGS)
    expect(reason, state).not.toBe('')
    if (waitingOn !== 'nobody') expect(next, state).not.toBe('')
  }
})

describe('a proposal', () => {
  const proposed = peer({ state: 'proposed' })
  test('waits for them while an invitation is open, else for us', () => {
    expect(standingOf(proposed, invited)).toMatchObject({
      waitingOn: 'them',
      next: expect.stringContaining('2026-02-01'),
    })
    expect(standingOf(proposed, NO_SURROUNDINGS)).toMatchObject({ waitingOn: 'us', next: 'fedctl invite create p1' })
  })

  test('that we redeem waits for nobody at first, then says what is wrong and when it is tried again', () => {
    const ours = peer({ state: 'proposed', weRedeem: true })
    const tried = errand({ attempts: 3, lastError: 'PEER_UNREACHABLE: no road' })
    expect(standingOf(ours, { ...NO_SURROUNDINGS, errands: [errand({})] })).toMatchObject({ waitingOn: 'nobody' })
    expect(standingOf(ours, { ...NO_SURROUNDINGS, errands: [tried] })).toMatchObject({
      waitingOn: 'them',
      reason: 'the invitation could not be redeemed yet (3 attempts): PEER_UNREACHABLE: no road',
    })
    expect(standingOf(ours, NO_SURROUNDINGS)).toMatchObject({ waitingOn: 'us', reason: 'because' })
  })
})

test('an accepted peer names the parts of its disclosure that are missing', () => {
  const silent = peer({ state: 'accepted', disclosure: { ...disclosure, contact: '', releaseTag: ' ' } })
  expect(standingOf(silent, NO_SURROUNDINGS)).toMatchObject({
    reason: 'the peer has not disclosed its contact, release_tag',
    waitingOn: 'them',
  })
  expect(standingOf(peer({ state: 'accepted', kind: 'sdwan_only' }), NO_SURROUNDINGS).waitingOn).toBe('nobody')
})

test('what is owed to the other side and did not go through is an open item, in any state', () => {
  const errands = [
    errand({ kind: 'notify_revocation', attempts: 2, lastError: 'no road' }),
    errand({ kind: 'fetch_bundle' }),
  ]
  expect(standingOf(peer({ state: 'revoked' }), { ...NO_SURROUNDINGS, errands }).openItems).toEqual([
    'the peer has not been told that the peering ended (2 attempts): no road',
  ])
})
