import type { Db } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Bus } from './bus.ts'
import { STREAM_NAMES } from './streams.ts'
import { streamInfo } from './ensure-stream.ts'

/** Whether everything that was announced has been published. */
export async function outboxIsEmpty<DB>(db: Db<DB>): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`
    select exists (select 1 from outbox where published_at is null) as waits`.execute(db)
  return rows[0]?.waits === false
}

/**
 * How many deliveries are still owed to all consumers of all streams, those at work included.
 *
 * With every outbox empty before and after, zero means quiet: nothing that happened waits to be heard.
 */
export async function pendingDeliveries(bus: Bus, signal: AbortSignal): Promise<number> {
  const connection = await bus.connection(signal)
  if (!connection) return 0
  const jsm = await connection.jetstreamManager({ checkAPI: false })
  let pending = 0
  for (const stream of STREAM_NAMES) {
    if (!(await streamInfo(jsm, stream))) continue
    for await (const consumer of jsm.consumers.list(stream)) pending += consumer.num_pending + consumer.num_ack_pending
  }
  return pending
}
