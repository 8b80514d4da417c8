import { randomInt } from 'node:crypto'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invite, twoPlatforms, type TestPlatform } from '../mesh.ts'
import { chosen, every, insisting, seen, strike, type Misfortune, type Moment } from './misfortunes.ts'

/** KILL_SEED repeats a run; KILL_ALL=1 takes every part at every moment, which is minutes. */
const seed = Number(process.env['KILL_SEED'] ?? randomInt(1e6))
const misfortunes = process.env['KILL_ALL'] === '1' ? every() : chosen(seed)

/** As platforms have them: nothing here may be mended by a beat that would have come anyway. */
const TIMERS = { HEARTBEAT_INTERVAL: '60s', STALE_AFTER: '5m' }
const MOVES = ['proposed', 'accepted', 'enrolled', 'active', 'revoked'].map((state) => `federation.peer.${state}`)

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
beforeAll(async () => {
  // Through to disk: a Postgres that forgets what it has said would be no fault of ours.
  const options = { processes: true, throughToDisk: true, registry: TIMERS }
  mesh = await twoPlatforms({ a: options, b: options })
})
afterAll(() => mesh?.stop())

const peerings: { readonly onA: string; readonly onB: string }[] = []

describe(`whatever is killed, both sides become active, and no move is lost or told twice (KILL_SEED=${seed})`, () => {
  test.each(misfortunes)('$part of $side, $moment', async (misfortune) => {
    const { a, b } = mesh
    const { onA, onB } = await handshakeWith(misfortune)
    try {
      await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
      await Promise.all([expectMoves(a, onA, MOVES.slice(0, -1)), expectMoves(b, onB, MOVES.slice(0, -1))])
    } finally {
      // Also after a failure, so that the next one begins as this one did.
      await insisting(() => a.peers.revokePeer({ peerId: onA }))
      await Promise.all([a.untilState(onA, PeerState.REVOKED), b.untilState(onB, PeerState.REVOKED)])
    }
    peerings.push({ onA, onB })
  })

  test('after all of it both ledgers tell of every peering once, in order, and their chains are intact', async () => {
    const { a, b } = mesh
    for (const { onA, onB } of peerings) await Promise.all([expectMoves(a, onA, MOVES), expectMoves(b, onB, MOVES)])
    for (const platform of [a, b]) expect(await platform.verified('platform')).toMatchObject({ intact: true })
  })
})

/** Proposed on A, accepted on B, and in between something dies. */
async function handshakeWith({ part, side, moment }: Misfortune): Promise<{ onA: string; onB: string }> {
  const { a, b } = mesh
  let struck: Promise<void> | undefined
  const now = (here: Moment) => {
    if (here === moment) struck = strike(mesh[side], part)
  }
  const { onA, invitation } = await insisting(() => invite(a))
  now('just after the invitation is made')
  const { peer } = await insisting(() => b.peers.acceptInvitation({ invitation }))
  const onB = peer?.id ?? ''
  const both = [
    [a, onA],
    [b, onB],
  ] as const
  now('just after the accept')
  if (moment === 'when one side is seen to have accepted') await seen(both, PeerState.ACCEPTED)
  now('when one side is seen to have accepted')
  if (moment === 'during the first beats') await Promise.any(both.map((one) => seen([one], PeerState.ENROLLED)))
  now('during the first beats')
  await struck
  return { onA, onB }
}

/** The moves in the log of a peer, once the last of them is there. Of an event that was recorded twice there are two. */
async function expectMoves(platform: TestPlatform, peerId: string, moves: readonly string[]): Promise<void> {
  const actions = await platform.ledgerOf(peerId, moves.at(-1) ?? '')
  expect(actions.filter((action) => MOVES.includes(action))).toEqual(moves)
  const { entries } = await platform.ledger.listEntries({ log: peerId, limit: 5_000 })
  expect(entries.map(({ sequence }) => Number(sequence))).toEqual(entries.map((_, at) => at))
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length)
  expect(await platform.verified(peerId)).toMatchObject({ intact: true, damage: '' })
}
