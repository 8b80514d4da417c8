import { inTransaction, type Db } from '@powernode/postgres'
import { patient, type Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'
import { headers, type JetStreamClient, type NatsConnection, type PubAck } from 'nats'
import { ensureStreamWith } from './ensure-stream.ts'
import {
  advanceStream,
  beginAnew,
  knownStream,
  markPublished,
  queueAgain,
  queueDoubted,
  rememberStream,
  takeTurn,
  trim,
  waiting,
  type KnownStream,
  type Queued,
} from './outbox.ts'
import { SIGNATURE_HEADER } from './signature.ts'
import type { Signer, Standing } from './signer.ts'
import { subjectsOf, type StreamName } from './streams.ts'

export type Source<DB> = {
  readonly db: Db<DB>
  readonly clock: Clock
  readonly stream: StreamName
  /** Copies that JetStream keeps of each message: 1, or 3 in a cluster. */
  readonly replicas?: number | undefined
  /** How long a published event stays in Postgres, to fill a JetStream that lost its disk. */
  readonly retentionMs: number
}

export type Batch = {
  readonly published: number
  /** There may be more to do at once. */
  readonly more: boolean
  /** What stopped the batch; what was published before it is noted all the same. */
  readonly fault?: unknown
  /** JetStream numbered a new message as if it had not seen the earlier ones: look at the stream again. */
  readonly streamIsAnother?: boolean
}

const BATCH = 128
const TRIM_BATCH = 1_000
const PUBLISH_TIMEOUT_MS = 2_000
/** A slow JetStream gets smaller batches: a transaction left open for too long would be ended, and nothing noted. */
const BATCH_MS = 5_000

/**
 * Publishes the oldest waiting events, one after the other, under the schema's relay lock.
 *
 * One at a time because we want the order; `Nats-Msg-Id` makes the repeat after a crash harmless inside the stream's
 * window, and the consumer's receipt makes it harmless for ever. Publishing inside the transaction holds no row that a
 * verb would want: the rows are this relay's alone.
 *
 * Each is signed as it leaves, so that what is filled in again bears a signature of today. Without a certificate that
 * anybody would believe nothing leaves: it waits here, where it is safe.
 */
export async function relayBatch<DB>(
  { db, clock, stream }: Source<DB>,
  js: JetStreamClient,
  signer: Signer,
): Promise<Batch> {
  return inTransaction(db, async (tx) => {
    if (!(await takeTurn(tx))) return { published: 0, more: false }
    const rows = await waiting(tx, BATCH)
    if (rows.length === 0) return { published: 0, more: false }
    const known = await knownStream(tx, stream)
    const publish = publisher(js, signer, clock)
    const sent = await publishInOrder(publish, rows, known)
    if (sent.ids.length > 0) {
      await markPublished(tx, sent.ids, { now: clock.now(), serial: signer.serial, root: signer.root })
      await advanceStream(tx, stream, { sequence: sent.lastSequence, event: sent.ids.at(-1) })
    }
    return {
      published: sent.ids.length,
      more: sent.fault === undefined && (rows.length === BATCH || sent.ids.length < rows.length),
      ...(sent.fault !== undefined && { fault: sent.fault }),
      streamIsAnother: sent.wentBack,
    }
  })
}

type Publish = (one: Queued, after: string | undefined) => Promise<PubAck>

/** The same event signed with another certificate is another message: the stream MUST NOT take it for a repeat. */
function publisher(js: JetStreamClient, signer: Signer, clock: Clock): Publish {
  return async ({ id, subject, event }, after) => {
    const at = clock.now()
    const flaw = signer.flawAt(at)
    if (flaw !== undefined) throw new Error(`nobody would believe what is signed now: ${flaw}`)
    const signed = headers()
    signed.set(SIGNATURE_HEADER, signer.sign(event, { subject, at, after }))
    return js.publish(subject, event, {
      msgID: `${id}/${signer.serial}`,
      headers: signed,
      timeout: patient(PUBLISH_TIMEOUT_MS),
    })
  }
}

async function publishInOrder(publish: Publish, rows: readonly Queued[], known: KnownStream | undefined) {
  const { lastSequence: knownSequence, lastEvent } = known ?? { lastSequence: 0 }
  const ids: string[] = []
  let lastSequence = knownSequence
  let wentBack = false
  const ms = elapsed()
  try {
    for (const row of rows) {
      if (ms() > BATCH_MS) break
      const ack = await publish(row, ids.at(-1) ?? lastEvent)
      if (!ack.duplicate && ack.seq <= knownSequence) wentBack = true
      lastSequence = Math.max(lastSequence, ack.seq)
      ids.push(row.id)
    }
  } catch (fault) {
    return { ids, lastSequence, wentBack, fault }
  }
  return { ids, lastSequence, wentBack }
}

/**
 * Sees that the stream is there and is the one we published to; otherwise queues all that is kept once more.
 *
 * A stream that was made at another time, or ends before what we have put into it, has lost events: a wiped disk, a stream
 * somebody deleted, a restored backup. Returns how many events were queued again.
 */
export async function checkStream<DB>(source: Source<DB>, connection: NatsConnection): Promise<number> {
  const { db, clock, stream, replicas, retentionMs } = source
  const jsm = await connection.jetstreamManager({ checkAPI: false })
  return inTransaction(db, async (tx) => {
    if (!(await takeTurn(tx))) return 0
    const wanted = { name: stream, subjects: subjectsOf(stream), ...(replicas !== undefined && { replicas }) }
    const { created, state } = await ensureStreamWith(jsm, wanted)
    const known = await knownStream(tx, stream)
    await trim(tx, new Date(clock.now().getTime() - retentionMs), TRIM_BATCH)
    if (known && known.created === created && state.last_seq >= known.lastSequence) return 0
    await rememberStream(tx, stream, { created, lastSequence: state.last_seq })
    return known ? queueAgain(tx) : 0
  })
}

/**
 * Queues again what was signed with a certificate or under a root that is trusted no more: whoever was away, or behind,
 * refused it. To be asked for when whom we trust has changed, and at the start. Returns how many were queued; undefined
 * while another replica publishes.
 */
export async function sayAgainDoubted<DB>(
  { db, stream }: Pick<Source<DB>, 'db' | 'stream'>,
  standing: Standing,
): Promise<number | undefined> {
  return inTransaction(db, async (tx) => {
    if (!(await takeTurn(tx))) return undefined
    const count = await queueDoubted(tx, standing)
    if (count > 0) await beginAnew(tx, stream)
    return count
  })
}
