import { sql } from 'kysely'
import { SEALED } from '../bearer-seal.ts'
import type { GrantTx } from './tables.ts'

/** One bearer at rest: what it is sealed under, and how to put it back. */
export type SealedBearer = {
  readonly context: string
  readonly sealed: Buffer
  readonly replace: (sealed: Buffer) => Promise<unknown>
}

/** Every bearer this schema keeps, each row locked: who seals anew MUST NOT overwrite what is being changed. */
export async function lockAll(tx: GrantTx): Promise<readonly SealedBearer[]> {
  const received = await sql<{ peerId: string; grantId: string; sealed: Buffer }>`
    select peer_id as "peerId", grant_id as "grantId", sealed_bearer as sealed from received_grant
    where sealed_bearer is not null order by peer_id, grant_id for update`.execute(tx)
  const issued = await sql<{ grantId: string; sealed: Buffer }>`
    select grant_id as "grantId", sealed_bearer as sealed from grant_notice
    where sealed_bearer is not null order by grant_id for update`.execute(tx)
  return [
    ...received.rows.map(({ peerId, grantId, sealed }) => ({
      context: SEALED.received(peerId, grantId),
      sealed,
      replace: (anew: Buffer) =>
        sql`update received_grant set sealed_bearer = ${anew} where peer_id = ${peerId} and grant_id = ${grantId}`.execute(tx), // prettier-ignore
    })),
    ...issued.rows.map(({ grantId, sealed }) => ({
      context: SEALED.issued(grantId),
      sealed,
      replace: (anew: Buffer) =>
        sql`update grant_notice set sealed_bearer = ${anew} where grant_id = ${grantId}`.execute(tx),
    })),
  ]
}
