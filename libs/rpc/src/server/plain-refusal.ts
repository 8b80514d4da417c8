import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol'
import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { Refusal } from '../errors/refusal.ts'
import type { CallRecord } from './call-record.ts'

const NOT_FOUND = 404
const UNSUPPORTED_MEDIA_TYPE = 415

/** Answers a request that speaks none of our protocols, with the JSON that a person with curl can read. */
export function plainRefusal(call: CallRecord, handler: UniversalHandler | undefined): UniversalServerResponse {
  const refusal = handler
    ? new Refusal('REQUEST_INVALID', 'POST a message as application/json, application/proto or application/grpc')
    : new Refusal('METHOD_UNKNOWN', 'there is no such method here; POST to /package.Service/Method')
  const error = call.fail(refusal)
  return {
    status: handler ? UNSUPPORTED_MEDIA_TYPE : NOT_FOUND,
    header: new Headers([...error.metadata, ['content-type', 'application/json']]),
    body: once(errorToJsonBytes(error, undefined)),
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
