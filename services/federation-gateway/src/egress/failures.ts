import { Code } from '@connectrpc/connect'
import { status as Status, type ServiceError } from '@grpc/grpc-js'
import { withoutBearers } from '@powernode/policy'
import { Refusal, refusalOf } from '@powernode/rpc'
import { NotConnected } from './road.ts'
import { isDistrust } from './server-check.ts'

/** Why one endpoint did not do, and whether asking again, or elsewhere, can help. */
export type Failure =
  /** The peer itself answered, and said no. Final. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The peer answered "not now". Worth repeating. */
  | { readonly kind: 'not_now'; readonly refusal: Refusal }
  /** Nobody answered. Worth repeating, and trying elsewhere; `isSent`: the peer may have the message all the same. */
  | { readonly kind: 'unreachable'; readonly why: string; readonly isSent?: boolean }
  /** Somebody answered who is not the peer, or whose address we must not call. Trying elsewhere can help, repeating cannot. */
  | { readonly kind: 'wrong'; readonly refusal: Refusal }

/** What an error met on the way to a peer amounts to; undefined for a fault of ours. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof Refusal) {
    return error.reason === 'PEER_UNREACHABLE'
      ? { kind: 'unreachable', why: error.message }
      : { kind: 'wrong', refusal: error }
  }
  if (error instanceof NotConnected) {
    const { cause } = error
    if (isDistrust(cause)) return { kind: 'wrong', refusal: notTrusted(cause) }
    return { kind: 'unreachable', why: cause instanceof Error ? cause.message : error.message }
  }
  if (!isServiceError(error)) return undefined
  const said = refusalOf(error)
  if (said) return { kind: said.status === Code.Unavailable ? 'not_now' : 'refused', refusal: peerRefused(said) }
  return {
    kind: 'unreachable',
    why: withoutBearers(`${Status[error.code] ?? error.code}: ${error.details}`),
    isSent: true,
  }
}

/** What our own services are told when no endpoint did: the worst that was met, since that is what somebody must act on. */
export function refusalFor(failures: readonly { readonly url: string; readonly failure: Failure }[]): Refusal {
  const metadata = Object.fromEntries(failures.map(({ url, failure }) => [url, textOf(failure)]))
  for (const { failure } of failures) {
    if (failure.kind === 'unreachable') continue
    const { reason, message, next, details, retryAfterMs } = failure.refusal
    return new Refusal(reason, message, {
      metadata: { ...failure.refusal.metadata, ...metadata },
      details,
      ...(next !== undefined && { next }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }
  if (failures.length === 0) {
    return new Refusal('PEER_UNREACHABLE', 'the peer has told us no endpoint', {
      next: 'set one: fedctl peer update --url',
    })
  }
  const tried = failures.map(({ url, failure }) => `${url}: ${textOf(failure)}`).join('; ')
  return new Refusal('PEER_UNREACHABLE', `the peer cannot be reached: ${tried}`, { metadata, retryAfterMs: 5_000 })
}

/**
 * The other side's "no", made ours: its reason and words go on, so that our operator sees what theirs would. It was shown a
 * bearer, and may repeat it: what goes on is kept and logged.
 */
function peerRefused({ reason, message: said, metadata, next, details, retryAfterMs }: Refusal): Refusal {
  const message = withoutBearers(said)
  const kept = Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, withoutBearers(text)]))
  return new Refusal('PEER_REFUSED', `the peer refused: ${message}`, {
    metadata: {
      ...kept,
      peer_reason: reason,
      peer_message: message,
      ...(next !== undefined && { peer_next: withoutBearers(next) }),
    },
    details,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function notTrusted(cause: Error): Refusal {
  return new Refusal(
    'PEER_CERTIFICATE_NOT_TRUSTED',
    `the server at the peer's address is not trusted: ${cause.message}`,
    {
      next: 'compare both sides: fedctl ca show; a peer that replaced its CA has to publish its trust bundle first',
    },
  )
}

export function textOf(failure: Failure): string {
  return failure.kind === 'unreachable' ? failure.why.replace(EMPTY_NOTE, '') : failure.refusal.message
}

/** What the library adds to every failed connection, whether or not there is a note. */
const EMPTY_NOTE = /\. Resolution note: $/

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error
}
