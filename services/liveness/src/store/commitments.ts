import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Checked, Result } from '../findings/commitments.ts'
import type { Tables } from './tables.ts'

/** How one commitment stands, over all peers. */
export type Standing = {
  readonly number: number
  readonly result: Result
  readonly detail: string
  readonly checkedAt: Date
}

/** Writes down how all of them stand, and with whom one is broken; what stands as it did is not written again. */
export async function save(tx: Tx<Tables>, now: Date, checked: readonly Checked[]): Promise<void> {
  await sql`
    insert into commitment (number, result, detail, checked_at)
    select v.number, v.result, v.detail, ${now}
    from unnest(
      ${checked.map(({ number }) => number)}::integer[], ${checked.map(({ result }) => result)}::text[],
      ${checked.map(({ detail }) => detail)}::text[]
    ) as v (number, result, detail)
    on conflict (number) do update
      set result = excluded.result, detail = excluded.detail, checked_at = excluded.checked_at`.execute(tx)
  const known = checked.filter(({ result }) => result !== 'unknown').map(({ number }) => number)
  const breaches = checked.flatMap(({ number, breaches: of }) => of.map((breach) => ({ number, ...breach })))
  const arrays = sql`unnest(
    ${breaches.map(({ number }) => number)}::integer[], ${breaches.map(({ peerId }) => peerId)}::text[],
    ${breaches.map(({ detail }) => detail)}::text[]
  ) as v (number, peer_id, detail)`
  await sql`
    delete from commitment_breach b where number = any(${known}::integer[])
      and not exists (select from ${arrays} where v.number = b.number and v.peer_id = b.peer_id)`.execute(tx)
  await sql`
    insert into commitment_breach as b (number, peer_id, detail) select v.number, v.peer_id, v.detail from ${arrays}
    on conflict (number, peer_id) do update set detail = excluded.detail where b.detail <> excluded.detail`.execute(tx)
}

export async function list(tx: Tx<Tables>): Promise<ReadonlyMap<number, Standing>> {
  const { rows } = await sql<{ number: number; result: Result; detail: string; checked_at: Date }>`
    select number, result, detail, checked_at from commitment`.execute(tx)
  return new Map(
    rows.map(({ number, result, detail, checked_at }) => [number, { number, result, detail, checkedAt: checked_at }]),
  )
}

/** With whom each is broken, at most `limit` of each, in the order of ids; of one peer, if one is named. */
export async function breaches(
  tx: Tx<Tables>,
  { peerId, limit }: { readonly peerId: string; readonly limit: number },
): Promise<readonly { readonly number: number; readonly peerId: string; readonly detail: string }[]> {
  const { rows } = await sql<{ number: number; peer_id: string; detail: string }>`
    select number, peer_id, detail from (
      select number, peer_id, detail, row_number() over (partition by number order by peer_id) as at
      from commitment_breach where ${peerId} = '' or peer_id = ${peerId}
    ) as b where at <= ${limit} order by number, peer_id`.execute(tx)
  return rows.map(({ number, peer_id, detail }) => ({ number, peerId: peer_id, detail }))
}
