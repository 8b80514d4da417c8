import { backoffMs, Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { refusalOf, type Reason } from '@powernode/rpc'
import { settlePeer } from '../operations/settle-peer.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import * as peers from '../store/federation-peers.ts'
import type { Look } from '../store/federation-peers.ts'
import { factsOf } from '../wire-peer.ts'

const AT_ONCE = 16
const ASK_MS = 3_000
/** Longer than the question takes; a replica that was killed over one leaves it to the others for so long. */
const LEASE_MS = 2 * ASK_MS
const SLOWEST_LOOK_MS = 10_000
/** News that was lost is made good by then. */
const AGAIN_MS = 15_000
const RETRY = { firstMs: 100, mostMs: 5_000 }

type Deps = Pick<SdwanDeps, 'db' | 'listener' | 'registry' | 'clock' | 'logger'>

/**
 * Asks peer-registry about every peer that the network has to do with, when somebody says that there is something to see and
 * every now and then, and acts on its answer. While peer-registry is away, what is known stands.
 */
export async function lookAtPeers(deps: Deps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(peers.CROSSINGS_CHANNEL, () => bell.ring(), stop),
    (stop) => lookDue(deps, bell, stop),
  ])
}

async function lookDue(deps: Deps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const now = clock.now()
      const until = new Date(now.getTime() + LEASE_MS)
      const due = await inTransaction(db, (tx) => peers.claimDue(tx, now, { until, limit: AT_ONCE }))
      await Promise.all(due.map((look) => lookAtOne(deps, look, signal)))
      waitMs = due.length === AT_ONCE ? 0 : await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'look_at_peers', error }, 'which peers are to be looked at cannot be read')
    }
    if (waitMs > 0) await bell.wait(clock, waitMs, signal)
  }
}

async function untilNext({ db, clock }: Deps): Promise<number> {
  const next = await inTransaction(db, peers.nextDueAt)
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(1, ms))
}

async function lookAtOne(deps: Deps, look: Look, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const { peerId, attempts } = look
  try {
    await lookAtPeer(deps, peerId, signal)
    const at = new Date(clock.now().getTime() + AGAIN_MS)
    await inTransaction(db, (tx) => peers.postpone(tx, look, { at, attempts: 0 }))
  } catch (error) {
    if (signal.aborted) return // the lease runs out, and whoever is there then looks
    logger.warn(
      { task: 'look_at_peers', peer_id: peerId, attempt: attempts + 1, error },
      'a peer could not be looked at',
    )
    const at = new Date(clock.now().getTime() + backoffMs(attempts + 1, RETRY))
    await inTransaction(db, (tx) => peers.postpone(tx, look, { at, attempts: attempts + 1 })).catch(() => undefined) // then when the lease is over
  }
}

/** Said when there is no peer of that id; ambiguous is what it may be as a name, which we never ask for. */
const UNKNOWN: ReadonlySet<Reason> = new Set(['PEER_NOT_FOUND', 'PEER_AMBIGUOUS'])

/** Takes in how a peer stands; one that peer-registry does not know (any more) is one to which there is no road. */
export async function lookAtPeer({ db, registry, clock }: Deps, peerId: string, signal: AbortSignal): Promise<void> {
  const asked = await registry.getPeer({ peer: peerId }, { signal, timeoutMs: ASK_MS }).catch((error: unknown) => {
    const reason = refusalOf(error)?.reason
    if (reason !== undefined && UNKNOWN.has(reason)) return undefined
    throw error
  })
  const facts = factsOf(peerId, asked?.peer)
  await inTransaction(db, (tx) => settlePeer(tx, clock.now(), facts))
}
