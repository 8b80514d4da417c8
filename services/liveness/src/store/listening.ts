import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import { GAP_TICKS, type Listening } from '../remediation/listening.ts'
import type { Tables } from './tables.ts'

/** Since when we listen; undefined before the first tick of all. */
export async function find(tx: Tx<Tables>): Promise<Listening | undefined> {
  const { rows } = await sql<Listening>`
    select since, reason, ticked_at as "tickedAt" from listening`.execute(tx)
  return rows[0]
}

export async function save(tx: Tx<Tables>, { since, reason, tickedAt }: Listening, tickMs: number): Promise<void> {
  await sql`
    insert into listening (since, reason, ticked_at, tick_ms) values (${since}, ${reason}, ${tickedAt}, ${tickMs})
    on conflict (one) do update set
      since = excluded.since, reason = excluded.reason, ticked_at = excluded.ticked_at, tick_ms = excluded.tick_ms`.execute(
    tx,
  )
}

/** Since when we listen, provided that the loop has ticked lately: otherwise nobody can say that we did. */
export async function current(tx: Tx<Tables>, now: Date): Promise<Listening | undefined> {
  const { rows } = await sql<Listening>`
    select since, reason, ticked_at as "tickedAt" from listening
    where ticked_at > ${now}::timestamptz - tick_ms * ${GAP_TICKS}::integer * interval '1 ms'
      and ticked_at <= ${now}::timestamptz + tick_ms * interval '1 ms'`.execute(tx)
  return rows[0]
}

/** A gateway has its stream open with us. */
export async function keepEar(tx: Tx<Tables>, now: Date): Promise<void> {
  await sql`
    insert into ear (open_at) values (${now}) on conflict (one) do update set open_at = excluded.open_at`.execute(tx)
}

/** When a gateway was last there; undefined: never. */
export async function earOpenAt(tx: Tx<Tables>): Promise<Date | undefined> {
  const { rows } = await sql<{ open_at: Date }>`select open_at from ear`.execute(tx)
  return rows[0]?.open_at
}
