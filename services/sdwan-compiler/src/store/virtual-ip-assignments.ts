import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

export type Turn = { readonly id: string; readonly virtualIpId: string; readonly memberId: string; readonly at: Date; readonly reason: string; readonly by: string } // prettier-ignore

/** A member holds a virtual IP from now on. */
export async function open(tx: SdwanTx, { id, virtualIpId, memberId, at, reason, by }: Turn): Promise<void> {
  await sql`insert into virtual_ip_assignment (id, virtual_ip_id, member_id, assumed_at, reason, by)
    values (${id}, ${virtualIpId}, ${memberId}, ${at}, ${reason}, ${by})`.execute(tx)
}

/** These hold it no more. */
export async function close(tx: SdwanTx, virtualIpId: string, memberIds: readonly string[], at: Date): Promise<void> {
  await sql`update virtual_ip_assignment set released_at = greatest(${at}, assumed_at)
    where virtual_ip_id = ${virtualIpId} and released_at is null and member_id = any (${[...memberIds]}::uuid[])`.execute(
    tx,
  )
}

/** How many turns there have been of each: more than one means that it was passed on. */
export async function counts(tx: SdwanTx): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ id: string; turns: number }>`
    select virtual_ip_id as id, count(*) as turns from virtual_ip_assignment group by virtual_ip_id`.execute(tx)
  return new Map(rows.map(({ id, turns }) => [id, turns]))
}
