import type { Db } from '@powernode/postgres'
import { sql } from 'kysely'
import { NatsError, type JetStreamManager } from 'nats'
import type { Bus } from './bus.ts'
import { streamInfo } from './ensure-stream.ts'
import type { RawSubscription, Subscription } from './subscription.ts'
import type { StreamName } from './streams.ts'

/** What waits to be published. */
export type OutboxStanding = { readonly waiting: number; readonly oldestAt: Date | undefined }

/** How one durable consumer is, as JetStream has it. */
export type ConsumerStanding = {
  readonly name: string
  readonly pending: number
  readonly unsettled: number
  /** Why that is not known. */
  readonly detail: string
}

/** Beyond this the exact number says nothing more, and counting it would cost what the database is short of. */
const MOST_COUNTED = 100_000

export async function outboxStanding<DB>(db: Db<DB>): Promise<OutboxStanding> {
  const { rows } = await sql<{ waiting: number; oldest: Date | null }>`
    select (select count(*)::int from (select 1 from outbox where published_at is null limit ${MOST_COUNTED}) as counted) as waiting,
      (select queued_at from outbox where published_at is null order by position limit 1) as oldest`.execute(db)
  const [row] = rows
  return { waiting: row?.waiting ?? 0, oldestAt: row?.oldest ?? undefined }
}

/** How many messages each consumer laid aside for good. */
export async function deadLetters<DB>(db: Db<DB>): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ consumer: string; lie: number }>`
    select consumer, count(*)::int as lie from dead_letter group by consumer`.execute(db)
  return new Map(rows.map(({ consumer, lie }) => [consumer, lie]))
}

type Asked = {
  readonly bus: Bus
  /** Our own, into which we announce. */
  readonly stream: StreamName
  readonly subscriptions: readonly Pick<Subscription<never> | RawSubscription<never>, 'consumer' | 'stream'>[]
  readonly timeoutMs: number
}

/** What JetStream says of our stream and our consumers. Waits for no connection: that there is none is the answer then. */
export async function busStanding({ bus, stream, subscriptions, timeoutMs }: Asked, signal: AbortSignal) {
  const connection = bus.isConnected() ? await bus.connection(signal) : undefined
  if (!connection) {
    const detail = 'there is no connection to NATS; what is announced waits in the outbox'
    return { connected: false, detail, consumers: subscriptions.map(({ consumer }) => unknown(consumer, detail)) }
  }
  const jsm = await connection.jetstreamManager({ checkAPI: false, timeout: timeoutMs })
  const [detail, consumers] = await Promise.all([
    streamDetail(jsm, stream),
    Promise.all(subscriptions.map((row) => consumerStanding(jsm, row))),
  ])
  return { connected: true, detail, consumers }
}

async function streamDetail(jsm: JetStreamManager, stream: StreamName): Promise<string> {
  try {
    return (await streamInfo(jsm, stream)) ? '' : `there is no stream ${stream} yet`
  } catch (error) {
    return `JetStream says nothing of ${stream}: ${textOf(error)}`
  }
}

async function consumerStanding(jsm: JetStreamManager, row: Asked['subscriptions'][number]): Promise<ConsumerStanding> {
  try {
    const { num_pending: pending, num_ack_pending: unsettled } = await jsm.consumers.info(row.stream, row.consumer)
    return { name: row.consumer, pending, unsettled, detail: '' }
  } catch (error) {
    return unknown(row.consumer, `JetStream says nothing of it on ${row.stream}: ${textOf(error)}`)
  }
}

function unknown(name: string, detail: string): ConsumerStanding {
  return { name, pending: 0, unsettled: 0, detail }
}

function textOf(error: unknown): string {
  if (error instanceof NatsError) return error.api_error?.description ?? error.message
  return error instanceof Error ? error.message : String(error)
}
