import { Edge, type FullTile } from '@powernode/tlog'
import { sql } from 'kysely'
import type { MirrorEntry, MirrorHead, Shipped } from '../mirrored.ts'
import type { LedgerTx } from './tables.ts'

/** Waits for its turn to write to the mirror of a peer's log. Held until the transaction ends. */
export async function lock(tx: LedgerTx, peerId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('audit_ledger.mirror.' || ${peerId}, 0))`.execute(tx)
}

const HEAD = sql`size, root, bytes, checkpoint, checkpoint_size as "checkpointSize", at`

/** How far the mirror of a peer's log reaches; undefined while there is none. */
export async function head(tx: LedgerTx, peerId: string): Promise<MirrorHead | undefined> {
  const { rows } = await sql<MirrorHead>`
    select ${HEAD} from mirror_head where peer_id = ${peerId} order by size desc limit 1`.execute(tx)
  return rows[0]
}

/** The newest checkpoint of which the mirror holds every entry. */
export async function wholeCheckpoint(tx: LedgerTx, peerId: string): Promise<string | undefined> {
  const { rows } = await sql<{ checkpoint: string }>`
    select checkpoint from mirror_head
    where peer_id = ${peerId} and checkpoint_size = size order by size desc limit 1`.execute(tx)
  return rows[0]?.checkpoint
}

/** How many bytes the mirror held at a moment. */
export async function bytesAt(tx: LedgerTx, peerId: string, at: Date): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select bytes from mirror_head where peer_id = ${peerId} and at <= ${at} order by at desc, size desc limit 1`.execute(
    tx,
  )
  return rows[0]?.bytes ?? 0
}

/** Of each of these peers: how many entries of its log about us are held. Those without a mirror are left out. */
export async function heldSizes(tx: LedgerTx, peerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ peerId: string; size: number }>`
    select id as "peerId", h.size
    from unnest(${peerIds}::uuid[]) as id
    cross join lateral (select size from mirror_head where peer_id = id order by size desc limit 1) h`.execute(tx)
  return new Map(rows.map(({ peerId, size }) => [peerId, size]))
}

/** Where the tree of a mirror can be appended to: the unfinished tile of each level, from what is held. */
export async function edge(tx: LedgerTx, peerId: string, size: number): Promise<Edge> {
  const partial = [await leafHashes(tx, peerId, { from: size - (size % TILE), to: size })]
  for (let level = 1, width = Math.floor(size / TILE); width > 0; level++, width = Math.floor(width / TILE)) {
    const { rows } = await sql<{ root: Buffer }>`
      select root from mirror_tile
      where peer_id = ${peerId} and level = ${level - 1} and position >= ${width - (width % TILE)} and position < ${width}
      order by position`.execute(tx)
    partial.push(rows.map(({ root }) => root))
  }
  return Edge.from(size, partial)
}

const TILE = 256

type Span = { readonly from: number; readonly to: number }

async function leafHashes(tx: LedgerTx, peerId: string, { from, to }: Span): Promise<Uint8Array[]> {
  const { rows } = await sql<{ hash: Buffer }>`
    select leaf_hash as hash from mirror_entry
    where peer_id = ${peerId} and sequence >= ${from} and sequence < ${to} order by sequence`.execute(tx)
  return rows.map(({ hash }) => hash)
}

export type Delivery = {
  readonly entries: readonly MirrorEntry[]
  readonly tiles: readonly FullTile[]
  readonly head: MirrorHead
}

/** Adds what a peer delivered. MUST hold the lock; the database refuses what does not stand at the end. */
export async function add(tx: LedgerTx, peerId: string, { entries, tiles, head: to }: Delivery): Promise<void> {
  const column = <T>(of: (entry: MirrorEntry) => T) => entries.map(of)
  await sql`
    insert into mirror_entry (peer_id, sequence, at, direction, allowed, content_id, resource, leaf, leaf_hash)
    select ${peerId}, * from unnest(
      ${column(({ sequence }) => sequence)}::bigint[], ${column(({ at }) => at.toISOString())}::timestamptz[],
      ${column(({ direction }) => direction)}::text[], ${column(({ allowed }) => allowed)}::boolean[],
      ${column(({ contentId }) => contentId)}::text[], ${column(({ resource }) => resource)}::text[],
      ${column(({ leaf }) => asBuffer(leaf))}::bytea[], ${column(({ leafHash }) => asBuffer(leafHash))}::bytea[]
    )`.execute(tx)
  await addPayloads(tx, peerId, entries)
  if (tiles.length > 0) {
    await sql`
      insert into mirror_tile (peer_id, level, position, hashes, root)
      select ${peerId}, * from unnest(
        ${tiles.map(({ level }) => level)}::int[], ${tiles.map(({ position }) => position)}::bigint[],
        ${tiles.map(({ hashes }) => asBuffer(hashes))}::bytea[], ${tiles.map(({ root }) => asBuffer(root))}::bytea[]
      )`.execute(tx)
  }
  await sql`
    insert into mirror_head (peer_id, size, root, bytes, checkpoint, checkpoint_size, at)
    values (${peerId}, ${to.size}, ${asBuffer(to.root)}, ${to.bytes}, ${to.checkpoint}, ${to.checkpointSize}, ${to.at})`.execute(
    tx,
  )
}

async function addPayloads(tx: LedgerTx, peerId: string, entries: readonly MirrorEntry[]): Promise<void> {
  const disclosed = entries.flatMap(({ sequence, payload }) => (payload ? [{ sequence, ...payload }] : []))
  if (disclosed.length === 0) return
  await sql`
    insert into mirror_payload (peer_id, sequence, salt, body)
    select ${peerId}, * from unnest(
      ${disclosed.map(({ sequence }) => sequence)}::bigint[],
      ${disclosed.map(({ salt }) => asBuffer(salt))}::bytea[], ${disclosed.map(({ body }) => asBuffer(body))}::bytea[]
    )`.execute(tx)
}

/** What the mirror holds from a place on, as it was delivered. */
export async function from(
  tx: LedgerTx,
  peerId: string,
  { start, limit }: { readonly start: number; readonly limit: number },
): Promise<readonly Shipped[]> {
  const { rows } = await sql<{ leaf: Buffer; salt: Buffer | null; body: Buffer | null }>`
    select leaf, salt, body from mirror_entry
    left join mirror_payload using (peer_id, sequence)
    where peer_id = ${peerId} and sequence >= ${start} and sequence < ${start + limit}
    order by sequence`.execute(tx)
  return rows.map(({ leaf, salt, body }) => ({ leaf, salt: salt ?? NOTHING, payload: body ?? NOTHING }))
}

const NOTHING = new Uint8Array()
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
