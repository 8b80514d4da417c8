import { connect as connectTcp } from 'node:net'
import pg from 'pg'

/** How a server is reached by a role that replicates: over TLS, with a certificate of our own. */
export type ReplicationAccess = {
  readonly host: string
  readonly port: number
  /** The name that the server's certificate MUST bear; the address may be another. */
  readonly serverName: string
  readonly user: string
  readonly password: string
  /** PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
  /** What the server's pg_stat_replication shows. */
  readonly applicationName: string
}

/** Who a server is, as IDENTIFY_SYSTEM says. */
export type SystemIdentity = { readonly systemIdentifier: string; readonly timeline: number; readonly lsn: string }

const CONNECT_TIMEOUT_MS = 10_000

/**
 * Opens a connection in replication mode, where only the commands of "Streaming Replication Protocol" (PostgreSQL 18 manual,
 * 54.4) are understood; runs `work`, and closes it whatever happens. An aborted `signal` cuts it off.
 */
export async function withReplication<R>(
  access: ReplicationAccess,
  work: (client: pg.Client) => Promise<R>,
  signal: AbortSignal,
): Promise<R> {
  signal.throwIfAborted()
  const { host, port, serverName, user, password, tls, applicationName } = access
  const socket = reroute(host, port)
  const options = {
    host: serverName,
    port,
    user,
    password,
    application_name: applicationName,
    replication: 'true',
    // The name is what is verified; the address is only where to knock.
    stream: () => socket,
    ssl: { ...tls, servername: serverName, minVersion: 'TLSv1.3' as const },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  }
  const client = new pg.Client(options)
  client.on('error', () => undefined) // a lost connection fails the command that runs; this event only repeats it
  // A client that is told to end while it connects never says how that went: so the wait is ended, not the client.
  const stopped = Promise.withResolvers<never>()
  stopped.promise.catch(() => undefined)
  const cut = () => {
    stopped.reject(signal.reason)
    socket.destroy()
  }
  signal.addEventListener('abort', cut, { once: true })
  try {
    await Promise.race([client.connect(), stopped.promise])
    return await Promise.race([work(client), stopped.promise])
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', cut)
    if (!signal.aborted) await client.end().catch(() => undefined)
  }
}

/** A socket that goes to `host` whatever name it is told to connect to. */
function reroute(host: string, port: number) {
  const socket = connectTcp({ host, port, autoSelectFamily: true })
  socket.connect = () => socket
  return socket
}

export async function identifySystem(client: pg.Client): Promise<SystemIdentity> {
  const { rows } = await client.query<{ systemid: string; timeline: string | number; xlogpos: string }>(
    'IDENTIFY_SYSTEM',
  )
  const [row] = rows
  if (!row) throw new Error('the server does not say who it is')
  return { systemIdentifier: row.systemid, timeline: Number(row.timeline), lsn: row.xlogpos }
}

/** One setting of the server, as SHOW says it. */
export async function showSetting(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<Record<string, string>>(`SHOW ${pg.escapeIdentifier(name)}`)
  return Object.values(rows[0] ?? {})[0] ?? ''
}
