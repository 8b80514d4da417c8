import { randomBytes } from 'node:crypto'
import { append } from '@powernode/events'
import type { SealingKeyIds } from '@powernode/postgres'
import { asNumberOf } from '../allocate/numbers.ts'
import { overlayMoved } from '../events/overlay-moved.ts'
import { isReachable } from '../federation-peer.ts'
import { sameOverlay, SEALED, type Overlay } from '../overlay.ts'
import { advertisedOf } from '../overlap.ts'
import * as crossings from '../store/crossings.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { KeptOverlay } from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import * as roads from '../store/wanted-roads.ts'
import type { WantedRoad } from '../store/wanted-roads.ts'
import { changingRoads, settleCrossings } from './settle-crossings.ts'
import { HALF_BYTES } from '../tunnel-key.ts'

export type Sealing = {
  readonly seal: (plaintext: Uint8Array, context: string) => Buffer
  readonly open: (sealed: Uint8Array, context: string) => Buffer
  /** What is sealed under another key than the newest is not kept. */
  readonly ids: SealingKeyIds
}

type Said = { readonly sealing: Sealing; readonly trustDomain: string }

/**
 * Makes what we offer to each peer what our intent and our gateways' keys say. Takes no other input and may run at any time: an
 * offer that says something else grows by one, and is told at once. One that is withdrawn takes its half of the preshared
 * key with it; the next has a new one. The turn is taken only where something is new: the news that ends a road waits for nobody
 * who looks.
 */
export async function settleOffers(tx: SdwanTx, now: Date, { sealing, trustDomain }: Said): Promise<void> {
  if ((await newOffers(tx, now, trustDomain)).length === 0) return
  await changingRoads(tx, async () => (await settle(tx, now, { sealing, trustDomain })) && settleCrossings(tx, now))
}

async function settle(tx: SdwanTx, now: Date, { sealing, trustDomain }: Said): Promise<boolean> {
  const changed = await newOffers(tx, now, trustDomain)
  for (const { peerId, offer, was } of changed) {
    await overlays.saveOffer(tx, now, keep(offer, peerId, was, sealing))
    const reason = offer.withdrawn ? 'withdrawn' : `${offer.gateways.length} of our gateways`
    await append(tx, overlayMoved('overlay_offered', { peerId, prefixes: offer.advertise, reason, at: now }))
  }
  if (changed.length > 0) await peers.wake(tx)
  return changed.length > 0
}

type NewOffer = { readonly peerId: string; readonly offer: Overlay; readonly was: KeptOverlay | undefined }

/** What is to be offered, and is not yet. */
async function newOffers(tx: SdwanTx, now: Date, trustDomain: string): Promise<readonly NewOffer[]> {
  if (!(await roads.anyWanted(tx)) && (await overlays.offeredTo(tx)).length === 0) return []
  const asNumber = (await roads.chosenAsNumber(tx)) ?? asNumberOf(trustDomain)
  const wanted = await roads.wanted(tx)
  const offered = await overlays.offeredTo(tx)
  const peerIds = [...new Set([...wanted.map(({ peerId }) => peerId), ...offered])]
  const known = await peers.list(tx, peerIds)
  const before = await overlays.offersOf(tx, peerIds)
  const ends = Map.groupBy(await crossings.ends(tx), ({ peerId }) => peerId)
  return peerIds.flatMap((peerId) => {
    const peer = known.get(peerId)
    const road = wanted.find((one) => one.peerId === peerId)
    const was = before.get(peerId)
    const offer = road && peer && isReachable(peer, now) ? ourEnd(road, ends.get(peerId) ?? [], asNumber) : NOTHING
    return (was ? sameOverlay(was, offer) : offer.withdrawn) ? [] : [{ peerId, offer, was }]
  })
}

const NOTHING: Overlay = { sequence: 0, gateways: [], advertise: [], withdrawn: true }

/** Our end of a road. Gateways are offered once their agents have made keys for it; until one has, there is nothing to offer. */
function ourEnd(road: WantedRoad, ends: readonly crossings.RoadEnd[], asNumber: number): Overlay {
  const gateways = ends.flatMap(({ memberId, listenPort, publicKey }) => {
    const end = road.gateways.find((one) => one.memberId === memberId)
    if (!end || publicKey === null) return []
    return [{ publicKey, endpoint: endpointOf(end.endpointHost, listenPort), address: end.address, asNumber }]
  })
  if (gateways.length === 0) return NOTHING
  const advertise = advertisedOf(
    road.advertise,
    road.networkCidr,
    road.gateways.map(({ address }) => address),
  )
  return { sequence: 0, gateways, advertise, withdrawn: false }
}

const endpointOf = (host: string | null, port: number): string | undefined =>
  host === null ? undefined : `${host.includes(':') ? `[${host}]` : host}:${port}`

function keep(offer: Overlay, peerId: string, was: KeptOverlay | undefined, sealing: Sealing): KeptOverlay {
  const sequence = (was?.sequence ?? 0) + 1
  if (offer.withdrawn) return { ...offer, peerId, sequence, halfSealed: null, halfSequence: was?.halfSequence ?? 0 }
  if (was?.halfSealed) return { ...offer, peerId, sequence, halfSealed: was.halfSealed, halfSequence: was.halfSequence }
  const halfSealed = sealing.seal(randomBytes(HALF_BYTES), SEALED.ourHalf(peerId))
  return { ...offer, peerId, sequence, halfSealed, halfSequence: sequence }
}

/**
 * The peer says how far we had come, and we go on counting from there: beyond 2^53 nothing that we keep could be read again,
 * and every other peer's offer with it. So far before that no count comes by itself.
 */
const FARTHEST = 2 ** 52

/**
 * The peer has heard a later one of us than we know of: we were restored from a backup. What we offer now counts from there, with
 * the half that it has not seen yet.
 */
export async function skipTo(
  tx: SdwanTx,
  now: Date,
  { peerId, heard, sealing }: { readonly peerId: string; readonly heard: number; readonly sealing: Sealing },
): Promise<void> {
  const was = (await overlays.offersOf(tx, [peerId])).get(peerId)
  if (!was || !Number.isSafeInteger(heard) || heard > FARTHEST || was.sequence > heard) return
  await offerAnew(tx, now, { offer: { ...was, sequence: heard }, sealing })
}

/** What we offer, with another half, is another offer: the next. */
export async function offerAnew(
  tx: SdwanTx,
  now: Date,
  { offer, sealing }: { readonly offer: KeptOverlay; readonly sealing: Sealing },
): Promise<void> {
  await overlays.saveOffer(tx, now, keep(offer, offer.peerId, { ...offer, halfSealed: null }, sealing))
}
