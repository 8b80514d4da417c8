import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'
import type { Destination } from '../egress/road.ts'

/** How long the next step may take. */
export type Patience = { readonly clock: Clock; readonly withinMs: number; readonly signal: AbortSignal }

type Until = { readonly withinMs: number; readonly stepMs: number; readonly signal: AbortSignal }

/** Steps of so long each, that all together end after so long. */
export function until(clock: Clock, { withinMs, stepMs, signal }: Until): Patience {
  const over = elapsed()
  return {
    clock,
    signal,
    get withinMs() {
      return Math.max(0, Math.min(stepMs, withinMs - over()))
    },
  }
}

/** Nobody took our connection: why, address by address. */
export class NobodyThere extends Error {
  override readonly name = 'NobodyThere'
}

/** The connection that comes about first, to any of these literal addresses; one that leads nowhere keeps no other waiting. */
export async function openFirst(addresses: readonly string[], port: number, patience: Patience) {
  const race = new AbortController()
  const signal = AbortSignal.any([patience.signal, race.signal])
  const tries = addresses.map(async (address) => ({
    address,
    socket: await openTcp({ address, port }, { ...patience, signal }),
  }))
  try {
    const taken = await Promise.any(tries)
    for (const one of tries) void one.then(({ socket }) => socket === taken.socket || socket.destroy(), ignored)
    return taken
  } catch (error) {
    patience.signal.throwIfAborted()
    const faults: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
    throw new NobodyThere(faults.map((fault, at) => `${addresses[at]} port ${port}: ${networkFault(fault)}`).join('; '))
  } finally {
    race.abort()
  }
}

/** Those that came too late, or not at all. */
function ignored(): void {}

async function openTcp(where: Pick<Destination, 'address' | 'port'>, patience: Patience): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connectTcp({ host: where.address, port: where.port }, () => resolve(socket))
  socket.on('error', reject) // stays: what goes wrong later is told by whoever works on the connection then
  return orGiveUp(promise, socket, patience)
}

/**
 * Puts TLS over a connection, as for a call to the peer, but ends nothing when the server is not believed: `authorized` says
 * that, and `authorizationError` why. The caller MUST ask nothing of a server that is not.
 */
export async function openTls(
  socket: Socket,
  { serverName, context, check }: Destination,
  patience: Patience,
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const tls = connectTls(
    {
      socket,
      servername: serverName,
      secureContext: context,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false, // to see what is wrong with it
      checkServerIdentity: (_host, certificate) => check(certificate),
    },
    () => resolve(tls),
  )
  tls.on('error', reject)
  tls.once('close', () => reject(new Error('the server hung up in the middle of the handshake')))
  return orGiveUp(promise, tls, patience)
}

/** Nobody answered in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate'
}

/** What is waited for, unless it takes too long or nobody waits any more; then the connection is let go. */
async function orGiveUp<T>(awaited: Promise<T>, socket: Socket, patience: Patience): Promise<T> {
  try {
    return await inTime(awaited, patience)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

export async function inTime<T>(awaited: Promise<T>, patience: Patience): Promise<T> {
  const { clock, withinMs, signal } = patience
  const settled = new AbortController()
  const until = AbortSignal.any([settled.signal, signal])
  const late = clock.sleep(withinMs, until).then(() => {
    signal.throwIfAborted()
    throw new TooLate(`nothing within ${Math.round(withinMs)} ms`)
  })
  try {
    return await Promise.race([awaited, late])
  } finally {
    settled.abort()
    late.catch(() => {}) // it lost, or was told above
  }
}

/** Why a handshake failed, in one line, and whether it was the other side that did not believe our certificate. */
export function handshakeFault(error: unknown): { readonly tlsError: string; readonly refusedBy: '' | 'them' } {
  if (!(error instanceof Error)) return { tlsError: String(error), refusedBy: '' }
  const alert = Number(/SSL alert number (\d+)/.exec(error.message)?.[1] ?? Number.NaN)
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message
  if (Number.isNaN(alert)) return { tlsError: withCode(error, reason), refusedBy: '' }
  return {
    tlsError: `${reason} (alert ${alert}, theirs)`,
    refusedBy: ABOUT_OUR_CERTIFICATE.includes(alert) ? 'them' : '',
  }
}

/** bad_certificate to certificate_unknown, unknown_ca, access_denied, decrypt_error, certificate_required (RFC 8446 §6). */
const ABOUT_OUR_CERTIFICATE: readonly number[] = [42, 43, 44, 45, 46, 48, 49, 51, 116]

export function networkFault(error: unknown): string {
  return error instanceof Error ? withCode(error, error.message) : String(error)
}

function withCode(error: Error, text: string): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return code === '' || text.includes(code) ? text : `${code}: ${text}`
}
