import { once } from 'node:events'
import { backoffMs, patient, systemClock, type Clock } from '@powernode/clock'
import pg from 'pg'
import { connectionSettings, type Connect } from './connection-settings.ts'

/** A connection that listens. */
export type Listening = {
  /**
   * Resolves once every notification committed before the call has been delivered; rejects when the connection is lost.
   *
   * It is a round trip on the listening connection: the server sends what it has been signalled before it says that it is
   * ready again (PostgreSQL protocol, "Asynchronous Operations"), and a notifier signals before its COMMIT is answered.
   */
  readonly probe: () => Promise<void>
}

export type ListenConfig = Connect & {
  readonly clock?: Clock
  /** Hears of each (re)connection, before `onNotify(undefined)`. */
  readonly onConnected?: (connection: Listening) => void
  /** Hears of each lost or failed connection and when the next will be tried. */
  readonly onLost?: (error: unknown, retryInMs: number) => void
}

/** Called with a payload, or with `undefined`: we have just (re)connected, and whatever was notified meanwhile is lost. */
export type OnNotify = (payload: string | undefined) => void

/** Whoever listens is blind until it is back, and a lease may hang on that: never patient for long. */
const RETRY = { firstMs: 100, mostMs: 1_000 }
const PROBE_EVERY_MS = 15_000
const PROBE_TIMEOUT_MS = 5_000

/**
 * Listens on a channel until `signal` aborts, reconnecting whenever the connection is lost.
 *
 * A notification is a doorbell, not a message: it can be lost, and any role of the database can ring. So a listener MUST
 * look at the tables when it rings, also when it rings with `undefined`, and MUST NOT trust the payload. `onNotify` MUST
 * NOT throw.
 */
// oxlint-disable-next-line max-params -- what, where, what then, and until when: the signal comes last, as everywhere
export async function listen(
  config: ListenConfig,
  channel: string,
  onNotify: OnNotify,
  signal: AbortSignal,
): Promise<void> {
  const clock = config.clock ?? systemClock
  let failures = 0
  while (!signal.aborted) {
    const connected = (connection: Listening) => {
      failures = 0
      config.onConnected?.(connection)
      onNotify(undefined)
    }
    try {
      await listenOnce({ config, clock, channel, onNotify, connected }, signal)
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      const waitMs = backoffMs(failures, RETRY)
      config.onLost?.(error, waitMs)
      await clock.sleep(waitMs, signal)
    }
  }
}

type Session = {
  readonly config: ListenConfig
  readonly clock: Clock
  readonly channel: string
  readonly onNotify: OnNotify
  readonly connected: (connection: Listening) => void
}

/** One connection: returns when told to stop, throws when it is lost. */
async function listenOnce(
  { config, clock, channel, onNotify, connected }: Session,
  signal: AbortSignal,
): Promise<void> {
  const client = new pg.Client({ ...connectionSettings(config), query_timeout: patient(PROBE_TIMEOUT_MS) })
  const ended = new AbortController() // of this connection, for whatever reason
  const lost = Promise.withResolvers<never>()
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('the listening connection has ended')))
  const stopped = signal.aborted ? Promise.resolve() : once(signal, 'abort', { signal: ended.signal })
  const probe = sharing(async () => {
    await client.query('select 1').catch((error: unknown) => {
      lost.reject(error) // also when it is merely not answered in time
      throw error
    })
  })
  const work = async () => {
    await client.connect()
    client.on('notification', ({ payload }) => onNotify(payload ?? ''))
    await client.query(`listen ${client.escapeIdentifier(channel)}`)
    connected({ probe })
    await probeNowAndThen(probe, clock, ended.signal)
  }
  try {
    await Promise.race([lost.promise, stopped, work()])
  } finally {
    ended.abort()
    await client.end()
  }
}

/** Finds out about a connection that is dead without having been closed: a server that lost its power says nothing. */
async function probeNowAndThen(probe: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(patient(PROBE_EVERY_MS), signal)
    if (!signal.aborted) await probe()
  }
}

/** One round trip at a time; all who ask while one is under way share the next, which begins after they asked. */
function sharing(trip: () => Promise<void>): () => Promise<void> {
  let running = Promise.resolve()
  let next: Promise<void> | undefined
  return () =>
    (next ??= running =
      running.then(() => {
        next = undefined
        return trip()
      }))
}
