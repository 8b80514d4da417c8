import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Certificate, CertificateKind } from '../certificate.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const CERTIFICATE = [
  'serial', 'kind', 'spiffe_id', 'generation', 'not_before', 'not_after', 'fingerprint', 'peer_id', 'hosts', 'common_name',
  'revoked_at', 'revocation_reason',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, certificate: Certificate): Promise<void> {
  await tx.insertInto('certificate').values(toRow(certificate)).execute()
}

export async function lock(tx: Tx<Tables>, serial: string): Promise<Certificate | undefined> {
  const row = await tx
    .selectFrom('certificate')
    .select(CERTIFICATE)
    .where('serial', '=', serial)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow<Certificate>(row)
}

/** The certificate an identity was issued last, whatever became of it: not the one that lives longest. */
export async function newestOf(tx: Tx<Tables>, spiffeId: string): Promise<Certificate | undefined> {
  const row = await tx
    .selectFrom('certificate')
    .select(CERTIFICATE)
    .where('spiffe_id', '=', spiffeId)
    .orderBy('not_before', 'desc')
    .orderBy('not_after', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && fromRow<Certificate>(row)
}

export async function revoke(tx: Tx<Tables>, serial: string, at: Date, reason: string): Promise<void> {
  await tx
    .updateTable('certificate')
    .set({ revoked_at: at, revocation_reason: reason })
    .where('serial', '=', serial)
    .executeTakeFirstOrThrow()
}

/** Revokes every living certificate of an identity; says which. */
export async function revokeOfIdentity(
  tx: Tx<Tables>,
  said: { spiffeId: string; at: Date; reason: string },
): Promise<Certificate[]> {
  const rows = await tx
    .updateTable('certificate')
    .set({ revoked_at: said.at, revocation_reason: said.reason })
    .where('spiffe_id', '=', said.spiffeId)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', said.at)
    .returning(CERTIFICATE)
    .execute()
  return rows.map((row) => fromRow<Certificate>(row))
}

/** Revokes every certificate we signed for a peer; says which. */
export async function revokeOfPeer(tx: Tx<Tables>, peerId: string, at: Date, reason: string): Promise<Certificate[]> {
  const rows = await tx
    .updateTable('certificate')
    .set({ revoked_at: at, revocation_reason: reason })
    .where('peer_id', '=', peerId)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', at)
    .returning(CERTIFICATE)
    .execute()
  return rows.map((row) => fromRow<Certificate>(row))
}

/** How many certificates we signed for a peer still live, and when the last of them was signed. */
export async function livingOfPeer(
  tx: Tx<Tables>,
  peerId: string,
  now: Date,
): Promise<{ count: number; last: Date | null }> {
  return tx
    .selectFrom('certificate')
    .select((on) => [on.fn.countAll<number>().as('count'), on.fn.max('not_before').as('last')])
    .where('peer_id', '=', peerId)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', now)
    .executeTakeFirstOrThrow()
}

/** As livingOfPeer, of one identity. */
export async function livingOf(
  tx: Tx<Tables>,
  spiffeId: string,
  now: Date,
): Promise<{ count: number; last: Date | null }> {
  return tx
    .selectFrom('certificate')
    .select((on) => [on.fn.countAll<number>().as('count'), on.fn.max('not_before').as('last')])
    .where('spiffe_id', '=', spiffeId)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', now)
    .executeTakeFirstOrThrow()
}

/** News waits in the stream for a month, signed: a service's revoked certificate stays named for longer than that. */
const SIGNATURES_WAIT_MS = 40 * 86_400_000

/** What a revocation list has to name: revoked, and not yet run out by itself nor in what it may have signed. */
export async function revoked(
  tx: Tx<Tables>,
  generation: number,
  now: Date,
): Promise<{ serial: string; revokedAt: Date }[]> {
  const rows = await tx
    .selectFrom('certificate')
    .select(['serial', 'revoked_at'])
    .where('generation', '=', generation)
    .where('revoked_at', 'is not', null)
    .where((is) =>
      is.or([
        is('not_after', '>', now),
        is.and([is('kind', '=', 'service'), is('not_after', '>', new Date(now.getTime() - SIGNATURES_WAIT_MS))]),
      ]),
    )
    .orderBy('serial')
    .execute()
  return rows.flatMap(({ serial, revoked_at }) => (revoked_at ? [{ serial, revokedAt: revoked_at }] : []))
}

/** A page, the longest-living first. */
export async function list(
  tx: Tx<Tables>,
  said: {
    kind: CertificateKind | undefined
    /** Of these identities; empty: of all. */
    spiffeIds: readonly string[]
    livingAt: Date | undefined
    offset: number
    limit: number
  },
): Promise<Certificate[]> {
  const rows = await tx
    .selectFrom('certificate')
    .select(CERTIFICATE)
    .$if(said.kind !== undefined, (on) => on.where('kind', '=', said.kind ?? 'service'))
    .$if(said.spiffeIds.length > 0, (on) => on.where('spiffe_id', 'in', said.spiffeIds))
    .$if(said.livingAt !== undefined, (on) =>
      on.where('not_after', '>', said.livingAt ?? null).where('revoked_at', 'is', null),
    )
    .orderBy('not_after', 'desc')
    .orderBy('serial')
    .offset(said.offset)
    .limit(said.limit)
    .execute()
  return rows.map((row) => fromRow<Certificate>(row))
}

/** Services that use our CA now: those whose newest certificate still lives. */
export async function livingServices(tx: Tx<Tables>, now: Date): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct substring(spiffe_id from '/service/(.+)$') as name from certificate
    where kind = 'service' and not_after > ${now} and revoked_at is null order by name`.execute(tx)
  return rows.map(({ name }) => name)
}

/** Hierarchical peers of ours that hold no living certificate of `generation` yet. */
export async function peersWithout(tx: Tx<Tables>, generation: number, now: Date): Promise<Set<string>> {
  const { rows } = await sql<{ peer_id: string }>`
    select distinct c.peer_id from certificate c
    where c.kind = 'peer' and c.peer_id is not null and c.not_after > ${now} and c.revoked_at is null
      and not exists (select 1 from certificate n where n.peer_id = c.peer_id and n.generation = ${generation}
        and n.not_after > ${now} and n.revoked_at is null)`.execute(tx)
  return new Set(rows.map(({ peer_id }) => peer_id))
}
