import { Code, ConnectError } from '@connectrpc/connect'
import { refusalDetails, requestInfo } from './details.ts'
import { Refusal } from './refusal.ts'

/**
 * Refusals cross the wire with their reason; faults become "internal error" and say no more.
 *
 * A fault MUST NOT carry anything of the error that caused it: messages of databases and libraries hold queries,
 * paths and values. The request id is enough to find it in the log.
 */
export function toConnectError(error: unknown, requestId?: string): ConnectError {
  return error instanceof Refusal
    ? new ConnectError(error.message, error.status, undefined, refusalDetails(error, requestId), error)
    : new ConnectError('internal error', Code.Internal, undefined, requestInfo(requestId), error)
}
