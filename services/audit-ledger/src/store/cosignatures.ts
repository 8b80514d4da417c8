import { sql } from 'kysely'
import type { Cosigned } from '../quorum.ts'
import { CHECKPOINT_CHANNEL } from './checkpoints.ts'
import type { LedgerTx } from './tables.ts'

export type Cosignature = {
  readonly logId: number
  readonly size: number
  readonly name: string
  readonly keyId: Uint8Array
  /** The signature line of the note, without the line feed. */
  readonly line: string
  readonly at: Date
}

const COLUMNS = ['log_id as logId', 'size', 'name', 'key_id as keyId', 'line', 'at'] as const

/** Keeps a witness's cosignature, the first of each witness and size, and tells who waits for it. */
export async function add(tx: LedgerTx, { logId, size, name, keyId, line, at }: Cosignature): Promise<void> {
  await sql`
    with added as (
      insert into cosignature (log_id, size, name, key_id, line, at)
      values (${logId}, ${size}, ${name}, ${keyId}, ${line}, ${at})
      on conflict do nothing returning log_id
    )
    select pg_notify(${CHECKPOINT_CHANNEL}, log_id::text) from added`.execute(tx)
}

/** All that stand under the checkpoint of one size, in the order they came. */
export async function ofSize(tx: LedgerTx, logId: number, size: number): Promise<readonly Cosignature[]> {
  return tx
    .selectFrom('cosignature')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .where('size', '=', size)
    .orderBy('at')
    .orderBy('name')
    .execute()
}

/** The newest one of a log: of one witness, or of any. */
export async function newest(tx: LedgerTx, logId: number, name?: string): Promise<Cosignature | undefined> {
  return tx
    .selectFrom('cosignature')
    .select(COLUMNS)
    .where('log_id', '=', logId)
    .$if(name !== undefined, (query) => query.where('name', '=', name ?? ''))
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Who has cosigned the newest sizes that anybody has. */
export async function newestSizes(tx: LedgerTx, logId: number, sizes: number): Promise<readonly Cosigned[]> {
  const { rows } = await sql<Cosigned>`
    select size, name, key_id as "keyId" from cosignature
    where log_id = ${logId} and size in (
      select distinct size from cosignature where log_id = ${logId} order by size desc limit ${sizes}
    )`.execute(tx)
  return rows
}

/** Who has cosigned the newest checkpoint of each log. */
export async function underNewest(
  tx: LedgerTx,
): Promise<readonly { logId: number; size: number; cosigned: readonly Cosigned[] }[]> {
  const { rows } = await sql<Cosigned & { logId: number; name: string | null }>`
    select log.id as "logId", c.size, s.name, s.key_id as "keyId" from log
    cross join lateral (select size from checkpoint where log_id = log.id order by size desc limit 1) c
    left join cosignature s on s.log_id = log.id and s.size = c.size`.execute(tx)
  return [...Map.groupBy(rows, ({ logId }) => logId)].map(([logId, under]) => ({
    logId,
    size: under[0]?.size ?? 0,
    cosigned: under.filter(({ name }) => name !== null),
  }))
}
