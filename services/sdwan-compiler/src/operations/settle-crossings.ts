import { append } from '@powernode/events'
import { overlayMoved, US, type OverlayWord } from '../events/overlay-moved.ts'
import { isReachable, WHY_AWAY, type FederationPeer } from '../federation-peer.ts'
import { advertisedOf, routed, type Claim } from '../overlap.ts'
import * as crossings from '../store/crossings.ts'
import type { Road } from '../store/crossings.ts'
import * as peers from '../store/federation-peers.ts'
import * as state from '../store/intent-state.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import * as roads from '../store/wanted-roads.ts'
import type { WantedRoad } from '../store/wanted-roads.ts'
import { settleEnds } from './settle-ends.ts'

/**
 * Does what may change the roads to peers, with the turn taken, and lets everybody compile anew when it has. In the transaction of
 * whatever it is that changes them: a road is gone with the news that ends it.
 */
export async function changingRoads(tx: SdwanTx, change: () => Promise<boolean>): Promise<boolean> {
  await state.takeTurn(tx)
  const changed = await change()
  if (changed) await state.countOn(tx)
  return changed
}

/**
 * Makes the roads to peers what follows from everything that is known: what our operators want, how the peerings stand, what
 * both sides offer and whose every prefix is. Takes no input and may run at any time; what it changes it announces.
 *
 * MUST be called with the turn taken, in the transaction of whatever changed one of those. Returns whether anything that is
 * compiled has changed; whoever holds the turn then counts on.
 */
export async function settleCrossings(tx: SdwanTx, now: Date): Promise<boolean> {
  const all = await roads.wanted(tx)
  const before = new Map((await crossings.list(tx)).map((road) => [road.peerId, road]))
  if (all.length === 0 && before.size === 0) return false
  for (const { peerId } of all) await peers.hold(tx, now, peerId)
  const known = await peers.list(tx, [...new Set([...all.map(({ peerId }) => peerId), ...before.keys()])])
  const open = all.filter(({ peerId }) => isOpen(known.get(peerId), now))
  const after = await roadsOf(tx, open, known)

  let changed = false
  for (const road of before.values()) {
    if (after.some(({ peerId }) => peerId === road.peerId)) continue
    await crossings.remove(tx, road.peerId)
    await announceEnd(tx, now, { road, peer: known.get(road.peerId), wanted: all })
    changed = true
  }
  for (const road of after) {
    const was = before.get(road.peerId)
    if (was && same(was, road)) continue
    await crossings.save(tx, road)
    await announceRoad(tx, now, was, road)
    changed = true
  }
  const ends = await settleEnds(tx, open)
  const rules = await settleRules(tx, now, known)
  return changed || ends || rules
}

const isOpen = (peer: FederationPeer | undefined, now: Date): boolean => peer !== undefined && isReachable(peer, now)

async function roadsOf(
  tx: SdwanTx,
  open: readonly WantedRoad[],
  known: ReadonlyMap<string, FederationPeer>,
): Promise<readonly Road[]> {
  const peerIds = open.map(({ peerId }) => peerId)
  const [heard, offers] = [await overlays.heardOf(tx, peerIds), await overlays.offersOf(tx, peerIds)]
  // WireGuard takes nobody with its own key for a peer: such a tunnel would never be as it has to be.
  const own = new Set((await crossings.ends(tx)).map(({ publicKey }) => publicKey))
  const claims = open.map(({ peerId, accept }): Claim => {
    const theirs = heard.get(peerId)
    return {
      peerId,
      accept,
      description: known.get(peerId)?.prefixAdvertisement ?? '',
      advertised: theirs?.advertise ?? [],
      gateways: (theirs?.gateways ?? []).filter(({ publicKey }) => !own.has(publicKey)),
    }
  })
  const routes = routed(claims, open.length > 0 ? await roads.taken(tx) : [])
  return open.map(({ peerId, networkId, networkCidr, advertise, maxPrefixes, gateways }, index) => {
    const [ours, theirs] = [offers.get(peerId), heard.get(peerId)]
    const both = ours?.halfSealed && theirs?.halfSealed
    const { accepted = [], refused = [], gateways: remote = [] } = routes[index] ?? {}
    return {
      peerId,
      networkId,
      maxPrefixes,
      refused,
      accepted: both ? accepted : [],
      gateways: both ? remote : [],
      pair: both ? `peer/${peerId}/${ours.halfSequence}/${theirs.halfSequence}` : '',
      advertised: advertisedOf(
        advertise,
        networkCidr,
        gateways.map(({ address }) => address),
      ),
    }
  })
}

const isUp = (road: Road | undefined): boolean => road !== undefined && road.gateways.length > 0

async function announceRoad(tx: SdwanTx, now: Date, was: Road | undefined, road: Road): Promise<void> {
  const { peerId, accepted, refused } = road
  const tell = (word: OverlayWord, prefixes: readonly string[], reason: string) =>
    append(tx, overlayMoved(word, { peerId, prefixes, reason, at: now }))
  if (isUp(road) && (!isUp(was) || text(was?.accepted) !== text(accepted)))
    await tell('overlay_up', accepted, 'both sides have offered')
  if (isUp(was) && !isUp(road)) await tell('overlay_withdrawn', was?.accepted ?? [], 'the peer offers no road any more')
  if (refused.length > 0 && text(was?.refused) !== text(refused))
    await tell('overlap_refused', refused, 'not of what the peer says it has, or somebody else’s already')
}

/** A road ends with the reason that people want to read: the peering, or our own operators. */
async function announceEnd(
  tx: SdwanTx,
  now: Date,
  {
    road,
    peer,
    wanted,
  }: { readonly road: Road; readonly peer: FederationPeer | undefined; readonly wanted: readonly WantedRoad[] },
): Promise<void> {
  if (!isUp(road)) return
  const isWanted = wanted.some(({ peerId }) => peerId === road.peerId)
  const why = isWanted ? WHY_AWAY[peer?.state ?? 'unknown'] : 'no prefix crosses any more, by our own intent'
  await append(
    tx,
    overlayMoved('overlay_withdrawn', { peerId: road.peerId, prefixes: road.accepted, reason: why, at: now }),
  )
}

const AWAY: ReadonlySet<FederationPeer['state']> = new Set(['degraded', 'suspended', 'revoked'])

/**
 * Rules that name a peer stand while the peering does: off when it is suspended, revoked or silent for too long, on again when
 * it is back.
 */
async function settleRules(tx: SdwanTx, now: Date, known: ReadonlyMap<string, FederationPeer>): Promise<boolean> {
  let changed = false
  for (const peer of known.values()) {
    const said = { peerId: peer.id, by: US }
    const reason = WHY_AWAY[peer.state]
    const isAway = !isOpen(peer, now) && AWAY.has(peer.state)
    const names = isAway ? await roads.disableRulesOf(tx, now, { ...said, reason }) : []
    const back = isOpen(peer, now) ? await roads.enableRulesOf(tx, now, said) : []
    if (names.length > 0) {
      const list = `${reason}; switched off: ${names.join(', ')}`
      await append(tx, overlayMoved('overlay_withdrawn', { peerId: peer.id, prefixes: [], reason: list, at: now }))
    }
    if (names.length + back.length > 0) changed = true
  }
  return changed
}

const same = (one: Road, other: Road): boolean => text(one) === text(other)

/** jsonb keeps no order of keys: compared are values, in our own order. */
function text(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
