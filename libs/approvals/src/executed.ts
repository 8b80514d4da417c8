import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'

/**
 * The table of a service that carries out what was approved: copied, as it stands, into its migrations.
 *
 * Its row and the act share one transaction, so an approval is carried out once, whoever crashes and however many replicas
 * try. Kept for good: a row that is gone could be carried out again. The role needs SELECT, INSERT and UPDATE.
 */
export const EXECUTED_APPROVAL_SQL = `create table executed_approval (
  approval_id uuid primary key,
  outcome text not null check (outcome in ('trying', 'executed', 'failed')),
  -- How often it ended in a fault.
  attempts integer not null default 0 check (attempts >= 0),
  failure_reason text not null default '',
  failure_message text not null default '',
  at timestamptz not null,
  constraint executed_approval_failed check ((outcome = 'failed') = (failure_reason <> ''))
);

create function guard_executed_approval() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.outcome <> 'trying' and new is distinct from old then
    raise exception 'approval % was carried out', old.approval_id using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger executed_approval_guarded before update on executed_approval
  for each row execute function guard_executed_approval();
`

/** What came of an approval here. */
export type Outcome = {
  readonly outcome: 'trying' | 'executed' | 'failed'
  readonly attempts: number
  readonly failureReason: string
  readonly failureMessage: string
}

/** Takes an approval until the transaction ends, and says what came of it so far. Of many replicas one goes on at a time. */
export async function claim<DB>(tx: Tx<DB>, approvalId: string, now: Date): Promise<Outcome> {
  const { rows } = await sql<Outcome>`
    insert into executed_approval (approval_id, outcome, at) values (${approvalId}, 'trying', ${now})
    on conflict (approval_id) do update set approval_id = excluded.approval_id
    returning outcome, attempts, failure_reason as "failureReason", failure_message as "failureMessage"`.execute(tx)
  const [row] = rows
  if (!row) throw new Error(`approval ${approvalId} could not be claimed`)
  return row
}

/** Notes what came of it, for good. MUST be said of a claimed one. */
export async function settle<DB>(
  tx: Tx<DB>,
  approvalId: string,
  now: Date,
  { outcome, failureReason, failureMessage }: Omit<Outcome, 'attempts'>,
): Promise<void> {
  await sql`
    update executed_approval
    set outcome = ${outcome}, failure_reason = ${failureReason}, failure_message = ${failureMessage}, at = ${now}
    where approval_id = ${approvalId}`.execute(tx)
}

/** Notes that a claimed one ended in a fault, and returns how often it has. */
export async function noteFault<DB>(tx: Tx<DB>, approvalId: string): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    update executed_approval set attempts = attempts + 1 where approval_id = ${approvalId} returning attempts`.execute(
    tx,
  )
  return rows[0]?.attempts ?? 0
}
