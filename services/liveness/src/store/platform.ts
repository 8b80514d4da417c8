import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Our own epoch, as every beat of ours carries it. */
export type OwnEpoch = { readonly epoch: bigint; readonly incarnation: Buffer }

/** The next epoch, with a new incarnation. The first is 1. */
export async function begin(tx: Tx<Tables>, now: Date, incarnation: Buffer): Promise<OwnEpoch> {
  const { rows } = await sql<{ epoch: string }>`
    insert into platform (epoch, incarnation, started_at) values (1, ${incarnation}, ${now})
    on conflict (one) do update
      set epoch = platform.epoch + 1, incarnation = excluded.incarnation, started_at = excluded.started_at
    returning epoch::text`.execute(tx)
  return { epoch: BigInt(rows[0]!.epoch), incarnation }
}

/** Jumps past an epoch that a peer remembers of us, provided that nobody has begun another since. */
export async function raise(
  tx: Tx<Tables>,
  now: Date,
  own: OwnEpoch,
  { past, incarnation }: { past: bigint; incarnation: Buffer },
): Promise<OwnEpoch | undefined> {
  const { rows } = await sql<{ epoch: string }>`
    update platform
    set epoch = ${past.toString()}::bigint + 1, incarnation = ${incarnation}, restored_at = ${now}
    where incarnation = ${own.incarnation}
    returning epoch::text`.execute(tx)
  return rows[0] && { epoch: BigInt(rows[0].epoch), incarnation }
}

/** 0 before the first beat was ever sent. */
export async function epoch(tx: Tx<Tables>): Promise<bigint> {
  const { rows } = await sql<{ epoch: string }>`select epoch::text from platform`.execute(tx)
  return BigInt(rows[0]?.epoch ?? 0)
}
