import { backoffMs, Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import type { MirroredEntry } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { nextShipment, type Shipment } from '../operations/mirror/next-shipment.ts'
import { noteArrival } from '../operations/mirror/note-arrival.ts'
import { CHECKPOINT_CHANNEL } from '../store/checkpoints.ts'
import * as shipments from '../store/mirror-shipments.ts'
import { asTo, type MirrorDeps } from './mirror-deps.ts'
import { saidBy } from './peer-said.ts'

const AT_ONCE = 16
/** A ring may be lost, and what failed rings for nobody: all logs are looked at as often. */
const LOOK_MS = 2_000
/** Rings come with every checkpoint: what is new within this goes out together. */
const GATHER_MS = 50
const RETRY = { firstMs: 500, mostMs: 300_000 }
/** A mirror that ends elsewhere than where we left off is followed so often, and then tried again later. */
const MOST_GAPS = 2
/** After so many deliveries of one log, or so long, it is another's turn. */
const IN_A_ROW = 64
const TURN_MS = 10_000

/**
 * Ships what we sign to the peers it concerns, each in order, from where the peer's mirror ends.
 *
 * Where that is, is the peer's to say: its answers, and its refusal of what does not fit, correct what we remember. MUST run
 * in one replica at a time; for the moment that two may, the mirror takes each entry once. A peer that is away, slow or full
 * holds up nobody else's.
 */
export async function shipEntries(deps: MirrorDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  const rung: Rung = { all: true, logIds: new Set() }
  const hear = (logId: string | undefined) => {
    if (logId === undefined) rung.all = true
    else rung.logIds.add(Number(logId))
    bell.ring()
  }
  await runTasks(signal, [
    (stop) => deps.listener.listen(CHECKPOINT_CHANNEL, hear, stop),
    (stop) => shipDue(deps, { bell, rung }, stop),
  ])
}

/** Of which logs there may be something to ship: with ten thousand of them only those that were signed are looked at. */
type Rung = { all: boolean; logIds: Set<number> }

async function shipDue(
  deps: MirrorDeps,
  { bell, rung }: { readonly bell: Doorbell; readonly rung: Rung },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, logger } = deps
  const underway = new Map<number, Promise<void>>()
  let lookedMs = 0
  const start = (one: shipments.Behind) => {
    const work = shipOne(deps, one, signal).finally(() => {
      underway.delete(one.logId)
      rung.logIds.add(one.logId)
      bell.ring()
    })
    underway.set(one.logId, work)
  }
  const look = async (limit: number) => {
    const isAll = rung.all || clock.now().getTime() - lookedMs >= LOOK_MS
    const among = isAll ? undefined : [...rung.logIds]
    // Taken before the look: what rings meanwhile may have come too late for it.
    Object.assign(rung, { all: false, logIds: new Set() })
    const wanted = { limit, busy: [...underway.keys()], among }
    const due = await inTransaction(db, (tx) => shipments.due(tx, clock.now(), wanted))
    due.forEach(start)
    if (isAll) lookedMs = clock.now().getTime()
    if (due.length === limit) rung.all = true // there may be more of them
  }
  while (!signal.aborted) {
    try {
      const room = AT_ONCE - underway.size
      if (room > 0) await look(room)
    } catch (error) {
      rung.all = true
      logger.warn({ task: 'mirror', error }, 'what is to be shipped cannot be read')
    }
    await bell.wait(clock, LOOK_MS, signal)
    await clock.sleep(GATHER_MS, signal)
  }
  await Promise.all(underway.values())
}

/** Ships one log until the peer has all of it, or does not take more. */
async function shipOne(deps: MirrorDeps, { logId, peerId }: shipments.Behind, signal: AbortSignal): Promise<void> {
  const { db, clock, metrics, border } = deps
  const shipped = metrics.counter(
    'fed_audit_mirror_entries_shipped_total',
    'Entries that peers took into their mirrors',
  )
  try {
    const endsMs = clock.now().getTime() + TURN_MS
    for (let [deliveries, gaps] = [0, 0]; deliveries < IN_A_ROW && !signal.aborted; deliveries++) {
      if (clock.now().getTime() >= endsMs) return
      const next = await inTransaction(db, (tx) => nextShipment(tx, clock.now(), { logId }), SNAPSHOT)
      if (!next) return
      const end = next.start + next.entries.length
      const size = await deliver(() => border.addEntries(requestOf(next), asTo(peerId, signal)), next)
      if (size === end) shipped.inc(next.entries.length)
      else if (++gaps > MOST_GAPS)
        throw new Error(`the peer's mirror ends at ${size} now, and somewhere else each time`)
      const isOurs = await inTransaction(db, (tx) => noteArrival(tx, clock.now(), { logId, peerId, size }))
      if (!isOurs) throw new Error(`the peer's mirror is larger than our log: ${size} entries`)
    }
  } catch (error) {
    if (!signal.aborted) await postpone(deps, { logId, peerId, error })
  }
}

/** A proof needs tiles and checkpoint of one moment. */
const SNAPSHOT = { isolation: 'repeatable read' } as const

/** How many entries the peer holds now. A gap is an answer too; one that tells us to send the same again is none. */
async function deliver(send: () => Promise<{ readonly size: bigint }>, { start }: Shipment): Promise<number> {
  try {
    const size = Number((await send()).size)
    if (size !== start) return size
    throw new Error(`the peer took nothing, and says that its mirror ends at ${size}`)
  } catch (error) {
    const said = saidBy(error)
    if (said.reason === 'MIRROR_GAP' && said.size !== undefined && said.size !== start) return said.size
    throw error
  }
}

function requestOf({ start, entries, checkpoint, proof }: Shipment) {
  const wired = entries.map(({ leaf, salt, payload }) => ({ leaf, salt, payload }) as MirroredEntry)
  return { start: BigInt(start), entries: wired, checkpoint, consistencyProof: [...proof] as Uint8Array<ArrayBuffer>[] }
}

async function postpone(
  { db, clock, logger }: MirrorDeps,
  { logId, peerId, error }: { readonly logId: number; readonly peerId: string; readonly error: unknown },
): Promise<void> {
  const reason = saidBy(error).reason || 'a fault'
  logger.warn({ task: 'mirror', peer_id: peerId, reason, error }, 'a peer does not take entries into its mirror')
  try {
    await inTransaction(db, async (tx) => {
      const waitMs = backoffMs((await shipments.attemptsOf(tx, logId)) + 1, RETRY)
      await shipments.failed(tx, { logId, nextAt: new Date(clock.now().getTime() + waitMs), error: reason })
    })
  } catch (failure) {
    logger.warn({ task: 'mirror', peer_id: peerId, error: failure }, 'that it is shipped again could not be noted')
  }
}
