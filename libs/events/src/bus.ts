import { backoffMs, systemClock, type Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { connect, Events, type NatsConnection } from 'nats'
import { connectOptions, dialMs, type BusAddress } from './connect-options.ts'
import { followSigningIdentity, type SigningIdentity } from './signing-identity.ts'

export type BusConfig = BusAddress & {
  /** Folder of the certificate that signs what is published, and of whom to believe: that of TLS unless said otherwise. */
  readonly identityDir?: string
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The way to JetStream: one connection that is made again whenever it is lost, for as long as the bus is open. */
export type Bus = {
  /** The live connection; waits for it while NATS is away. Undefined once the bus is closed or `signal` aborts. */
  connection(signal: AbortSignal): Promise<NatsConnection | undefined>
  /** With what news is signed and judged now. Throws while there is nothing to do it with. */
  identity(): SigningIdentity
  /** Whether a message sent now leaves at once, instead of piling up in memory. */
  isConnected(): boolean
  /** Calls `listener` each time the connection is there again: what was known of the server may no longer hold. */
  onConnected(listener: () => void): () => void
  /** Sends what is queued, and ends the connection. */
  close(): Promise<void>
}

const RETRY = { firstMs: 100, mostMs: 2_000 }
/** How long closing waits for a server to take what is queued. */
const DRAIN_MS = 1_000

/**
 * Opens the bus without waiting for NATS: Postgres is the record, so a service works while JetStream is away.
 *
 * Certificate files are read anew at every connection, so that renewed ones are used from the next one on.
 */
export async function openBus(config: BusConfig): Promise<Bus> {
  const { clock = systemClock, logger, identityDir: dir = config.tlsDir } = config
  const options = connectOptions(config)
  const closing = new AbortController()
  const identity = followSigningIdentity({ dir, clock, logger })
  const listeners = new Set<() => void>()
  const hurried = new WeakSet<AbortSignal>()
  let live: NatsConnection | undefined
  let connected = false

  function setConnected(now: boolean): void {
    connected = now
    if (now) for (const listener of listeners) listener()
  }

  /** One life of a connection: until it is closed for good. Within it the client reconnects by itself. */
  async function oneConnection(attempt: number): Promise<void> {
    const connection = await connect({ ...options, timeout: dialMs(attempt) })
    live = connection
    if (closing.signal.aborted) return connection.close()
    logger?.info({ task: 'bus', address: connection.getServer() }, 'connected to NATS')
    setConnected(true)
    void followStatus(connection) // its iterator does not end with the connection, so it is not waited for
    const reason = await connection.closed()
    if (reason) throw reason
  }

  async function followStatus(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) {
        setConnected(false)
        logger?.warn({ task: 'bus' }, 'connection to NATS lost')
      } else if (status.type === Events.Reconnect) {
        logger?.info({ task: 'bus', address: connection.getServer() }, 'connected to NATS again')
        setConnected(true)
      }
    }
  }

  /** Resolves when connected, when the bus closes, or when `signal` aborts. */
  function nextConnection(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        listeners.delete(done)
        signal.removeEventListener('abort', done)
        closing.signal.removeEventListener('abort', done)
        resolve()
      }
      listeners.add(done)
      signal.addEventListener('abort', done)
      closing.signal.addEventListener('abort', done)
    })
  }

  /**
   * Once its asker is told to stop, a lost server is no longer waited for: closing fails what is asked of it at once,
   * where each question would take seconds to time out.
   */
  function hurryAfter(signal: AbortSignal): void {
    if (hurried.has(signal)) return
    hurried.add(signal)
    const hurry = async () => {
      await clock.sleep(DRAIN_MS, closing.signal)
      if (!connected) await live?.close()
    }
    signal.addEventListener('abort', () => void hurry(), { once: true })
  }

  const supervision = (async () => {
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      try {
        await oneConnection(attempt)
        attempt = 0
      } catch (error) {
        logger?.warn({ task: 'bus', attempt, error }, 'no connection to NATS')
      }
      live = undefined
      setConnected(false)
      await clock.sleep(backoffMs(attempt, RETRY), closing.signal)
    }
  })()

  const following = identity.run(closing.signal)

  return {
    identity: () => identity.current(),
    isConnected: () => connected,
    onConnected(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async connection(signal) {
      hurryAfter(signal)
      for (;;) {
        if (signal.aborted || closing.signal.aborted) return undefined
        if (connected) return live
        await nextConnection(signal)
      }
    },
    async close() {
      const connection = live
      const wasConnected = connected
      closing.abort()
      if (connection && !connection.isClosed()) await (wasConnected ? drained(connection) : connection.close())
      await Promise.all([supervision, following])
    },
  }
}

/**
 * Sends what is queued, and closes. A server that is just gone never takes it, so that wait has an end; and when it goes
 * while we wait, the client calls that drained without being closed, so closing is never left to it.
 */
async function drained(connection: NatsConnection): Promise<void> {
  const patience = new AbortController()
  await Promise.race([connection.drain(), systemClock.sleep(DRAIN_MS, patience.signal)])
  patience.abort()
  await connection.close()
}
