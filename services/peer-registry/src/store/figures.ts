import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { CertificateKind } from '../certificate.ts'
import type { PeerState } from '../peer.ts'
import type { Tables } from './tables.ts'

/** What an operator watches over time, in four queries however many peers there are. */
export type Figures = {
  readonly peers: ReadonlyMap<PeerState, number>
  readonly openInvitations: number
  readonly errandsOwed: number
  /** Partners that have not signed for a compromise of ours; and those of them that should have by now. */
  readonly compromisesOwed: number
  readonly compromisesOverdue: number
  /** Of each kind, when the first of those in use runs out: the newest certificate of each identity, and each CA in use. */
  readonly expiries: ReadonlyMap<CertificateKind, Date>
}

export async function read(tx: Tx<Tables>, now: Date): Promise<Figures> {
  const states = await tx
    .selectFrom('peer')
    .select((on) => ['state', on.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  const { rows: counts } = await sql<{ invitations: number; errands: number }>`
    select (select count(*) from invitation where redeemed_at is null and revoked_at is null and expires_at > ${now})
        as invitations, (select count(*) from errand) as errands`.execute(tx)
  const { rows: owed } = await sql<{ all: number; overdue: number }>`
    select count(*) as all, count(*) filter (where notice.due_at <= ${now}) as overdue
    from notice_delivery join notice on notice.id = notice_delivery.notice_id
    where notice_delivery.status = 'owed' and notice.kind = 'compromise'`.execute(tx)
  const { rows: expiries } = await sql<{ kind: CertificateKind; first: Date }>`
    select kind, min(until) as first from (
      select kind, spiffe_id, max(not_after) as until from certificate
      where revoked_at is null and not_after > ${now} group by kind, spiffe_id
    ) as newest group by kind`.execute(tx)
  return {
    peers: new Map(states.map(({ state, count }) => [state, count])),
    openInvitations: counts[0]?.invitations ?? 0,
    errandsOwed: counts[0]?.errands ?? 0,
    compromisesOwed: owed[0]?.all ?? 0,
    compromisesOverdue: owed[0]?.overdue ?? 0,
    expiries: new Map(expiries.map(({ kind, first }) => [kind, first])),
  }
}
