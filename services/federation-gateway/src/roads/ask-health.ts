import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { Metadata, status as Status } from '@grpc/grpc-js'
import { withoutBearers } from '@powernode/policy'
import { elapsed } from '@powernode/process'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { FRAME_HEADER_BYTES, refusalOf, type Reason } from '@powernode/rpc'
import { inTime, networkFault, handshakeFault, type Patience } from './meet-server.ts'

/** What came of asking a peer whether it is well. */
export type Answer = {
  readonly answered: boolean
  /** A stable reason and a sentence; empty when it answered. */
  readonly error: string
  readonly refusedBy: '' | 'them'
  readonly roundTripMs: number
  /** Their clock minus ours, as exactly as a date with whole seconds can say it; undefined when there was none. */
  readonly clockOffsetMs: number | undefined
}

/** An empty HealthCheckRequest: a frame without content. */
const QUESTION = Buffer.alloc(FRAME_HEADER_BYTES)
const HEADERS = {
  ':method': 'POST',
  ':path': `/${Health.typeName}/${Health.method.check.name}`,
  'content-type': 'application/grpc',
  te: 'trailers',
}
/** It is asked one thing, and has no business in sending more. */
const NO_PUSH = { enablePush: false }
/** The peer says that it does not know our certificate, or nobody by it. */
const NOT_BELIEVED: readonly Reason[] = ['CERTIFICATE_NOT_TRUSTED', 'CERTIFICATE_REQUIRED', 'PEER_UNKNOWN']
const HALF_A_SECOND = 500

/**
 * Asks over a connection that stands, and ends it. In TLS 1.3 a server says what it thinks of our certificate only after the
 * handshake: by an alert, by hanging up, or, as our own gateways do, with a reason.
 */
export async function askHealth(socket: TLSSocket, authority: string, patience: Patience): Promise<Answer> {
  const session = connect(`https://${authority}`, { createConnection: () => socket, settings: NO_PUSH })
  const time = elapsed()
  const askedAt = patience.clock.now().getTime()
  try {
    const told = await inTime(tellingOf(session, socket), patience)
    const roundTripMs = time()
    return { ...readAnswer(told), roundTripMs, clockOffsetMs: offsetOf(told.date, askedAt + roundTripMs / 2) }
  } catch (error) {
    patience.signal.throwIfAborted()
    const { tlsError, refusedBy } = handshakeFault(error)
    const said = refusedBy === '' ? networkFault(error) : tlsError
    const nothing = { answered: false, error: `PEER_UNREACHABLE: ${said}`, clockOffsetMs: undefined }
    return { ...nothing, refusedBy, roundTripMs: time() }
  } finally {
    session.destroy()
    socket.destroy()
  }
}

/** All headers of the answer, those of its end last. */
async function tellingOf(session: ClientHttp2Session, socket: TLSSocket): Promise<IncomingHttpHeaders> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingHttpHeaders>()
  let told: IncomingHttpHeaders = {}
  session.on('error', reject)
  socket.on('error', reject)
  session.once('close', () => reject(new Error('the server hung up after the handshake')))
  const request = session.request(HEADERS)
  request.on('response', (headers) => (told = { ...told, ...headers }))
  request.on('trailers', (trailers) => (told = { ...told, ...trailers }))
  request.on('error', reject)
  request.once('end', () => resolve(told))
  request.resume() // what it says of its health is not asked for
  request.end(QUESTION)
  return promise
}

function readAnswer(told: IncomingHttpHeaders): Pick<Answer, 'answered' | 'error' | 'refusedBy'> {
  const code: Status = Number(told['grpc-status'] ?? Number.NaN)
  if (code === Status.OK) return { answered: true, error: '', refusedBy: '' }
  if (Number.isNaN(code)) {
    const error = `PEER_UNREACHABLE: the server answers ${String(told[':status'] ?? 'nothing')}, and not in gRPC`
    return { answered: false, error, refusedBy: '' }
  }
  const details = unescaped(String(told['grpc-message'] ?? ''))
  const metadata = Metadata.fromHttp2Headers(told)
  const refusal = refusalOf(Object.assign(new Error(details), { code, details, metadata }))
  if (!refusal) return { answered: false, error: `PEER_REFUSED: ${Status[code] ?? code}: ${details}`, refusedBy: '' }
  return {
    answered: false,
    error: `${refusal.reason}: ${withoutBearers(refusal.message)}`,
    refusedBy: NOT_BELIEVED.includes(refusal.reason) ? 'them' : '',
  }
}

/** Percent-encoded, as gRPC sends it; what is not is taken as it is. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The date was cut to whole seconds: half a second later is as likely right. A server may name any year: a difference that no
 * clock has says nothing, and is longer than a Duration can be.
 */
export function offsetOf(date: string | undefined, ourMs: number): number | undefined {
  const offsetMs = Date.parse(date ?? '') + HALF_A_SECOND - ourMs
  return Math.abs(offsetMs) <= LONGEST_OFFSET_MS ? offsetMs : undefined
}
const LONGEST_OFFSET_MS = 100 * 365 * 86_400_000
