import { expect, test } from 'vitest'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import { Expectations } from './expectations.ts'

const DAY = 86_400_000
const NOW = new Date('2026-05-01T12:00:00Z')
const leaf = (serial: number, days: number) =>
  ({ certificate: `leaf ${serial}`, notBefore: undefined, notAfter: new Date(NOW.getTime() + days * DAY) }) as const
const peer = (peerId: string, said: Partial<WatchedPeer>): WatchedPeer => ({
  peerId,
  state: 'active',
  staleAfterMs: 300_000,
  heartbeatIntervalMs: 60_000,
  trustBundleSequence: 0n,
  versionStatus: '',
  certificates: [],
  ...said,
})
function expectationsOf(peers: readonly WatchedPeer[], kept: ReadonlyMap<string, Date> = new Map()): Expectations {
  const feed: PeerFeed = {
    peers: new Map(peers.map((one) => [one.peerId, one])),
    local: () => undefined,
    isComplete: () => true,
    subscribe: () => undefined,
    follow: () => Promise.resolve(),
  }
  return new Expectations(feed, kept, AbortSignal.timeout(60_000))
}

test('who has a newer certificate beside the one that ends, or is revoked, is not looked at for it', () => {
  const expectations = expectationsOf([
    peer('ends', { certificates: [leaf(1, 12)] }),
    peer('ended', { certificates: [leaf(1, -1)] }),
    peer('renewed', { certificates: [leaf(1, 12), leaf(2, 80)] }),
    peer('revoked', { state: 'revoked', certificates: [leaf(1, 12)] }),
    peer('young', { certificates: [{ ...leaf(1, 12), notBefore: NOW }] }),
  ])
  expect(expectations.look(NOW).endingWithin(30 * DAY)).toEqual({ expiring: ['ends'], expired: ['ended'] })
})

test('since when a peer is expected is handed on from leader to leader: whoever starts anew each four minutes names it all the same', () => {
  const enrolled = peer('waits', { state: 'enrolled' })
  let kept: ReadonlyMap<string, Date> = new Map([['gone', NOW]])
  const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000)
  const leads = (minutes: number) => {
    const expectations = expectationsOf([enrolled, peer('active', {})], kept)
    const { overdue } = expectations.look(at(minutes))
    const { since, gone } = expectations.unkept()
    kept = new Map([...kept, ...since].filter(([peerId]) => !gone.includes(peerId)))
    expectations.kept()
    expect(expectations.unkept()).toEqual({ since: new Map(), gone: [] })
    return overdue
  }
  expect([leads(0), leads(4), leads(8)]).toEqual([[], [], ['waits']])
  expect([...kept], 'who is not there any more is forgotten').toEqual([['waits', NOW]])
  expect(leads(-60), 'and a clock that was set back begins anew').toEqual([])
  expect(kept.get('waits')).toEqual(at(-60))
})
