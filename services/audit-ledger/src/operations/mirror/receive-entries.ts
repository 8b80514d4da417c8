import { checkConsistency, type Edge } from '@powernode/tlog'
import { Refusal } from '@powernode/rpc'
import { bytesOf, MirrorFlaw, readShipped, type MirrorEntry, type MirrorHead, type Shipped } from '../../mirrored.ts'
import type { MirrorQuota } from '../../mirror-quota.ts'
import * as mirrors from '../../store/mirrors.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessed from '../../store/witnessed.ts'
import { openPeerCheckpoint, type SignedHead } from './open-peer-checkpoint.ts'
import { raiseIfForked } from './raise-if-forked.ts'

export type Delivered = {
  readonly peerId: string
  readonly start: number
  readonly entries: readonly Shipped[]
  readonly checkpoint: string
  readonly proof: readonly Uint8Array[]
  readonly quota: MirrorQuota
}

/** How far the mirror reaches now; or why nothing was taken, where what led to it has to be kept all the same. */
export type Received = { readonly size: number } | { readonly refused: Refusal }

/**
 * A peer delivers entries of its log about us, and our copy of that log grows by them.
 *
 * They MUST begin where the copy ends, and the tree that they make with what is held MUST be that of a checkpoint which the
 * peer has signed: then what we hold is its log, to the byte, and it cannot say otherwise later. All of it, or none, in one
 * transaction under the mirror's lock: of two replicas that receive the same at once, the second finds it there. And under the
 * witness's, since what is witnessed meanwhile MUST be held against it.
 * A note that contradicts what the peer signed before is kept as an alarm, though nothing is taken.
 */
export async function receiveEntries(tx: LedgerTx, now: Date, said: Delivered): Promise<Received> {
  const { peerId, start } = said
  await mirrors.lock(tx, peerId)
  await witnessed.lock(tx, peerId)
  const held = await mirrors.head(tx, peerId)
  const size = held?.size ?? 0
  if (start !== size) {
    throw new Refusal('MIRROR_GAP', `the mirror goes on at ${size}, not at ${start}`, {
      metadata: { size: String(size) },
    })
  }
  const signed = await openPeerCheckpoint(tx, said)
  const entries = readAll(said)
  await withinQuota(tx, now, { peerId, quota: said.quota, held, entries, signed })

  const edge = await mirrors.edge(tx, peerId, size)
  const rootsOnTheWay = grow(edge, entries)
  const flaw = flawOf(edge, signed, said.proof)
  const forked = await raiseIfForked(tx, now, { peerId, signed, held, roots: flaw ? new Map() : rootsOnTheWay })
  if (forked) return { refused: new Refusal('CHECKPOINT_FORKED', `your log was signed otherwise before: ${forked}`) }
  if (flaw) throw new Refusal('MIRROR_MISMATCH', `these entries are not those of the checkpoint: ${flaw}`)

  const head = {
    size: edge.size,
    root: edge.root(),
    bytes: (held?.bytes ?? 0) + bytesIn(entries, signed),
    checkpoint: signed.note,
    checkpointSize: signed.size,
    at: now,
  }
  await mirrors.add(tx, peerId, { entries, tiles: edge.takeFullTiles(), head })
  return { size: head.size }
}

function readAll({ entries, start }: Delivered): readonly MirrorEntry[] {
  try {
    return entries.map((shipped, at) => readShipped(shipped, start + at))
  } catch (error) {
    if (error instanceof MirrorFlaw) throw new Refusal('MIRROR_MISMATCH', error.message)
    throw error
  }
}

/** Appends to the tree; returns the root that it had at each size on the way. */
function grow(edge: Edge, entries: readonly MirrorEntry[]): ReadonlyMap<number, () => Uint8Array> {
  const roots = new Map<number, () => Uint8Array>()
  for (const { leafHash } of entries) {
    edge.append(leafHash)
    const then = edge.copy()
    roots.set(then.size, () => then.root())
  }
  return roots
}

function flawOf(edge: Edge, signed: SignedHead, proof: readonly Uint8Array[]): string | undefined {
  const { size, root } = signed
  return checkConsistency({ oldSize: edge.size, oldRoot: edge.root(), size, root, proof })
}

/** The checkpoint is kept with each delivery: however small the delivery, it counts. */
const bytesIn = (entries: readonly MirrorEntry[], { note }: SignedHead): number =>
  entries.reduce((sum, entry) => sum + bytesOf(entry), Buffer.byteLength(note))

const MINUTE_MS = 60_000

type Wanted = Pick<Delivered, 'peerId' | 'quota'> & {
  readonly held: MirrorHead | undefined
  readonly entries: readonly MirrorEntry[]
  readonly signed: SignedHead
}

/**
 * What a peer may fill of our disk, in all and at once. Counted in the database, so that it holds for all replicas together
 * and across their restarts.
 */
async function withinQuota(tx: LedgerTx, now: Date, { peerId, quota, held, entries, signed }: Wanted): Promise<void> {
  const before = held?.bytes ?? 0
  const after = before + bytesIn(entries, signed)
  if (after > quota.bytes) {
    throw new Refusal('RATE_LIMITED', `your mirror here may have ${quota.bytes} bytes, and is full`, {
      next: 'their operators raise MIRROR_QUOTA_MB of audit-ledger',
    })
  }
  const aMinuteAgo = new Date(now.getTime() - MINUTE_MS)
  if (after - (await mirrors.bytesAt(tx, peerId, aMinuteAgo)) > quota.bytesPerMinute) {
    throw new Refusal('RATE_LIMITED', `your mirror here may grow by ${quota.bytesPerMinute} bytes a minute`, {
      retryAfterMs: MINUTE_MS / 4,
    })
  }
}
