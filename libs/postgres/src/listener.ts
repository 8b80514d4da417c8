import { once } from 'node:events'
import { backoffMs, Doorbell, patient, type Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import pg from 'pg'
import { connectionSettings, type Connect } from './connection-settings.ts'

export type ListenerConfig = Connect & { readonly clock: Clock; readonly logger: Logger }

/** Called with a payload, or with `undefined`: we listen (again), and whatever was notified before is lost. */
export type OnNotify = (payload: string | undefined) => void

/** One who hears a channel. */
type Ear = { readonly channel: string; readonly onNotify: OnNotify }

/** Whoever listens is blind until it is back, and a lease may hang on that: never patient for long. */
const RETRY = { firstMs: 100, mostMs: 1_000 }
const PROBE_EVERY_MS = 15_000
const ANSWER_MS = 5_000

/**
 * Hears what is notified in a database, over one connection however many channels are listened on: a service has one of these.
 *
 * The connection is made when the first comes to listen, made again whenever it is lost, and closed when nobody listens any
 * more.
 *
 * A notification is a doorbell, not a message: it can be lost, and any role of the database can ring. So whoever listens MUST
 * look at the tables when it rings, also when it rings with `undefined`, and MUST NOT trust the payload. `onNotify` MUST NOT
 * throw, nor take long: the others hear after it.
 */
export class Listener {
  readonly #config: ListenerConfig
  readonly #ears = new Set<Ear>()
  /** Rung when somebody came, or went. */
  readonly #bell = new Doorbell()
  #nobodyListens = new AbortController()
  #running: Promise<void> | undefined

  constructor(config: ListenerConfig) {
    this.#config = config
  }

  /** Listens on a channel until `signal` aborts. */
  async listen(channel: string, onNotify: OnNotify, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const ear: Ear = { channel, onNotify }
    this.#ears.add(ear)
    this.#bell.ring()
    this.#running ??= this.#run()
    await once(signal, 'abort')
    this.#ears.delete(ear)
    this.#bell.ring()
    if (this.#ears.size > 0) return
    this.#nobodyListens.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#config
    let failures = 0
    while (this.#ears.size > 0) {
      this.#nobodyListens = new AbortController()
      const { signal } = this.#nobodyListens
      try {
        await this.#connection(signal, () => (failures = 0))
      } catch (error) {
        if (signal.aborted) continue
        failures += 1
        const waitMs = backoffMs(failures, RETRY)
        logger.warn({ task: 'listen', retry_in_ms: waitMs, error }, 'changes are seen late: no ring is heard')
        await clock.sleep(waitMs, signal)
      }
    }
    this.#running = undefined
  }

  /** One connection: returns when nobody listens any more, throws when it is lost. */
  async #connection(signal: AbortSignal, connected: () => void): Promise<void> {
    const client = new pg.Client({ ...connectionSettings(this.#config), query_timeout: patient(ANSWER_MS) })
    const lost = Promise.withResolvers<never>()
    const ended = new AbortController()
    client.on('error', lost.reject)
    client.on('end', () => lost.reject(new Error('the listening connection has ended')))
    client.on('notification', ({ channel, payload }) => this.#hear(channel, payload ?? ''))
    const work = async () => {
      await client.connect()
      await this.#attend(client, connected, ended.signal)
    }
    try {
      await Promise.race([lost.promise, once(signal, 'abort'), work()])
    } finally {
      ended.abort()
      await client.end()
    }
  }

  /** Listens on what is wanted now, and on what is wanted later; asks now and then whether the server is there. */
  async #attend(client: pg.Client, connected: () => void, signal: AbortSignal): Promise<void> {
    const told = new WeakSet<Ear>()
    let channels: ReadonlySet<string> = new Set()
    while (!signal.aborted) {
      const ears = [...this.#ears]
      const wanted = new Set(ears.map(({ channel }) => channel))
      const changes = [
        ...[...wanted].filter((name) => !channels.has(name)).map((name) => `listen ${client.escapeIdentifier(name)}`),
        ...[...channels].filter((name) => !wanted.has(name)).map((name) => `unlisten ${client.escapeIdentifier(name)}`),
      ]
      if (changes.length > 0) await client.query(changes.join('; '))
      channels = wanted
      connected()
      for (const ear of ears.filter((one) => !told.has(one) && this.#ears.has(one))) {
        told.add(ear)
        ear.onNotify(undefined)
      }
      const isChanged = await this.#bell.wait(this.#config.clock, patient(PROBE_EVERY_MS), signal)
      // A server that lost its power says nothing, and its connection looks as one does on which nothing happens.
      if (!isChanged && !signal.aborted) await client.query('select 1')
    }
  }

  #hear(channel: string, payload: string): void {
    for (const ear of this.#ears) if (ear.channel === channel) ear.onNotify(payload)
  }
}
