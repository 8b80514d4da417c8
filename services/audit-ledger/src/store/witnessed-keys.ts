import { hash } from 'node:crypto'
import { sql } from 'kysely'
import type { PeerKeys } from '../peer-keys.ts'
import type { LedgerTx } from './tables.ts'

const COLUMNS = [
  'peer_id as peerId',
  'sequence',
  'trust_domain as trustDomain',
  'origin',
  'log_public_key as logPublicKey',
  'witness_public_key as witnessPublicKey',
  'statement',
] as const

/** With what a peer signs now; undefined while it has stated nothing. */
export async function newest(tx: LedgerTx, peerId: string): Promise<PeerKeys | undefined> {
  return tx
    .selectFrom('peer_keys')
    .select(COLUMNS)
    .where('peer_id', '=', peerId)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** As `newest`, for these peers, or for all. */
export async function list(tx: LedgerTx, peerIds?: readonly string[]): Promise<readonly PeerKeys[]> {
  return tx
    .selectFrom('peer_keys')
    .select(COLUMNS)
    .distinctOn('peer_id')
    .$if(peerIds !== undefined, (query) => query.where('peer_id', 'in', [...(peerIds ?? [])]))
    .orderBy('peer_id')
    .orderBy('sequence', 'desc')
    .execute()
}

/** Of the peer whose log has the origin of this SHA-256. */
export async function byOrigin(tx: LedgerTx, originSha256: Buffer): Promise<readonly PeerKeys[]> {
  const peers = await tx
    .selectFrom('peer_keys')
    .select('peer_id')
    .distinct()
    .where('origin_sha256', '=', originSha256)
    .execute()
  if (peers.length === 0) return []
  const keys = await list(
    tx,
    peers.map(({ peer_id }) => peer_id),
  )
  return keys.filter(({ origin }) => sha256(origin).equals(originSha256))
}

/** Whether another peer has ever stated this origin. MUST hold the origin's lock. */
export async function isAnothers(tx: LedgerTx, { peerId, origin }: Pick<PeerKeys, 'peerId' | 'origin'>) {
  const other = await tx
    .selectFrom('peer_keys')
    .select('peer_id')
    .where('origin_sha256', '=', sha256(origin))
    .where('peer_id', '<>', peerId)
    .limit(1)
    .executeTakeFirst()
  return other !== undefined
}

/** Whether a peer has stated so many after a moment. */
export async function areSince(
  tx: LedgerTx,
  peerId: string,
  { count, after }: { readonly count: number; readonly after: Date },
): Promise<boolean> {
  const { rows } = await sql<{ at: Date }>`
    select at from peer_keys where peer_id = ${peerId} order by sequence desc offset ${count - 1} limit 1`.execute(tx)
  const [one] = rows
  return one !== undefined && one.at > after
}

/** Keeps what a peer stated. Of two of one sequence the first stays: whoever adds MUST compare. */
export async function add(tx: LedgerTx, keys: PeerKeys, now: Date): Promise<void> {
  const { peerId, sequence, trustDomain, origin, logPublicKey, witnessPublicKey, statement } = keys
  await tx
    .insertInto('peer_keys')
    .values({
      peer_id: peerId,
      sequence,
      trust_domain: trustDomain,
      origin,
      origin_sha256: sha256(origin),
      log_public_key: logPublicKey,
      witness_public_key: witnessPublicKey,
      statement,
      at: now,
    })
    .onConflict((on) => on.doNothing())
    .execute()
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')
