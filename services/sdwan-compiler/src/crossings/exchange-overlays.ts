import { backoffMs, Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import type { OverlayOffer } from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import { Refusal, refusalOf, type Reason } from '@powernode/rpc'
import { hearNothing, hearOverlay } from '../operations/hear-overlay.ts'
import { settleOffers, skipTo } from '../operations/settle-offers.ts'
import { SEALED } from '../overlay.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import { opened } from '../secrets.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { DueOffer } from '../store/overlays.ts'
import { offerToWire } from '../wire-overlay.ts'

const AT_ONCE = 8
const SEND_MS = 10_000
/** Longer than the call takes; a replica that was killed over one leaves it to the others for so long. */
const LEASE_MS = 2 * SEND_MS
const SLOWEST_LOOK_MS = 10_000
/** A peer that has lost what we told it is told again by then. */
const AGAIN_MS = 5 * 60_000
const RETRY = { firstMs: 250, mostMs: 60_000 }
/** Changes of intent, rung by the commit (0001_intent.sql). */
const INTENT_CHANNEL = 'sdwan_compiler_intent'

export type ExchangeDeps = Pick<
  SdwanDeps,
  'db' | 'listener' | 'border' | 'sealing' | 'clock' | 'logger' | 'metrics'
> & { readonly config: Pick<SdwanDeps['config'], 'trustDomain'> }

/**
 * Tells peers of our end of the road to them, and hears of theirs in the answer: whenever ours changes, as soon as a peer can be
 * reached, and every few minutes. Several replicas share the list; a peer that cannot be reached holds up nobody else's.
 */
export async function exchangeOverlays(deps: ExchangeDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  const ring = () => bell.ring()
  await runTasks(signal, [
    (stop) => deps.listener.listen(peers.CROSSINGS_CHANNEL, ring, stop),
    (stop) => deps.listener.listen(INTENT_CHANNEL, ring, stop),
    (stop) => tellDue(deps, bell, stop),
  ])
}

async function tellDue(deps: ExchangeDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger, sealing } = deps
  const { trustDomain } = deps.config
  const underway = new Map<string, Promise<void>>()
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      await inTransaction(db, (tx) => settleOffers(tx, clock.now(), { sealing, trustDomain }))
      const now = clock.now()
      const claim = {
        until: new Date(now.getTime() + LEASE_MS),
        limit: AT_ONCE - underway.size,
        busy: [...underway.keys()],
      }
      const due = claim.limit > 0 ? await inTransaction(db, (tx) => overlays.claimDue(tx, now, claim)) : []
      for (const offer of due)
        underway.set(
          offer.peerId,
          tellOne(deps, offer, signal).finally(() => {
            underway.delete(offer.peerId)
            bell.ring()
          }),
        )
      waitMs = await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'exchange_overlays', error }, 'what peers are to be told cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
  await Promise.all(underway.values())
}

async function untilNext({ db, clock }: ExchangeDeps): Promise<number> {
  const next = await inTransaction(db, overlays.nextDueAt)
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(20, ms))
}

async function tellOne(deps: ExchangeDeps, offer: DueOffer, signal: AbortSignal): Promise<void> {
  const { db, border, sealing, clock, logger, metrics } = deps
  const { peerId, sequence, halfSealed } = offer
  const counted = metrics.counter('fed_sdwan_overlay_exchanges_total', 'Peers told of our end of the road to them', [
    'outcome',
  ])
  const fields = { task: 'exchange_overlays', peer_id: peerId, sequence, attempt: offer.attempts + 1 }
  try {
    const half = halfSealed
      ? opened(sealing, { sealed: halfSealed, context: SEALED.ourHalf(peerId) }, 'our half of the key')
      : new Uint8Array(0)
    const way = { headers: { 'powernode-peer-id': peerId }, signal, timeoutMs: SEND_MS }
    const { offer: theirs } = await border.exchangeOverlay({ offer: offerToWire(offer, half) }, way)
    await inTransaction(db, (tx) => overlays.told(tx, offer, new Date(clock.now().getTime() + AGAIN_MS)))
    if (theirs) await hear(deps, peerId, theirs)
    counted.inc({ outcome: 'told' })
    logger.info({ ...fields, outcome: 'ok' }, 'told a peer of our end of the road')
  } catch (error) {
    if (signal.aborted) return // the lease runs out, and whoever is there then tells
    counted.inc({ outcome: 'failed' })
    logger.warn({ ...fields, error }, 'a peer could not be told of our end of the road')
    await noted(deps, offer, error).catch(() => undefined) // then it is tried again when the lease runs out
  }
}

/** What they answer is judged as what they tell by themselves; that it is refused takes nothing from what we told. */
async function hear({ db, sealing, clock, logger }: ExchangeDeps, peerId: string, offer: OverlayOffer): Promise<void> {
  try {
    await inTransaction(db, (tx) => hearOverlay(tx, clock.now(), { peerId, offer, sealing }))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    logger.warn({ task: 'exchange_overlays', peer_id: peerId, error }, 'what a peer answered cannot be taken')
  }
}

/** What a peer says whose operators suspended or ended the peering: no road of ours leads there any more. */
const SHUT: ReadonlySet<string> = new Set<Reason>(['PEER_SUSPENDED', 'PEER_REVOKED', 'PEER_UNKNOWN'])

/** What refuses us may know more than we do: about our own past, or about the peering. */
async function noted({ db, clock, sealing }: ExchangeDeps, offer: DueOffer, error: unknown): Promise<void> {
  const refusal = refusalOf(error)
  const theirs = refusal?.metadata['peer_reason']
  const said = theirs ?? refusal?.reason
  const now = clock.now()
  await inTransaction(db, async (tx) => {
    // First what takes the turn: whoever holds it writes the rows that follow.
    if (SHUT.has(theirs ?? '')) await hearNothing(tx, now, { peerId: offer.peerId })
    await overlays.postpone(tx, offer, {
      at: new Date(now.getTime() + backoffMs(offer.attempts + 1, RETRY)),
      failure: said ?? 'a fault',
    })
    if (theirs === 'OVERLAY_OUTDATED')
      await skipTo(tx, now, { peerId: offer.peerId, heard: Number(refusal?.metadata['sequence']), sealing })
    if (said?.startsWith('PEER_')) await peers.ring(tx, now, offer.peerId)
  })
}
