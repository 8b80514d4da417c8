import { Code, ConnectError } from '@connectrpc/connect'
import { Refusal } from './refusal.ts'

/** The caller hung up: nobody is left to be told anything. */
export const CANCELED = Symbol('canceled')

/**
 * What kind of expected end an error is; undefined for a fault.
 *
 * Besides refusals, the protocol layer and our clients end calls with bare statuses: the deadline passed, the caller
 * hung up, a service that this one needs cannot be reached. A refusal that another service sent us in answer is none
 * of our caller's business unless the handler says so, and counts as a fault of ours.
 */
export function expectedEnd(error: unknown): Refusal | typeof CANCELED | undefined {
  if (error instanceof Refusal) return error
  if (isSealingKeyReplaced(error))
    return new Refusal('SEALING_KEY_REPLACED', error.message, {
      next: 'put the newest key into SEALING_KEY_FILE of this process and restart it; another process of the service may do it meanwhile',
    })
  if (!(error instanceof ConnectError)) return isAbort(error) ? CANCELED : undefined
  switch (error.code) {
    case Code.DeadlineExceeded:
      return new Refusal('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer')
    case Code.Canceled:
    case Code.Aborted:
      return error.isWireError ? undefined : CANCELED // another server's word is not about our caller
    case Code.Unavailable:
      return new Refusal('SERVICE_UNAVAILABLE', 'a service needed for the answer cannot be reached; try again', {
        retryAfterMs: 1_000,
      })
    default:
      return undefined
  }
}

/** What @powernode/postgres throws, of which nothing is known here. */
const isSealingKeyReplaced = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'SealingKeyReplaced'

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
