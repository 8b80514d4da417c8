import { timestampMs } from '@bufbuild/protobuf/wkt'
import { Refusal } from '@powernode/rpc'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'

/** Nobody answered under any of its addresses. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Refusal && error.reason === 'PEER_UNREACHABLE'
}

/** Nobody answered, or the peer said "not now". */
export function isTransient(error: unknown): boolean {
  return isUnreachable(error) || (error instanceof Refusal && NOT_NOW.has(error.metadata['peer_reason'] ?? ''))
}
const NOT_NOW: ReadonlySet<string> = new Set(['SERVICE_UNAVAILABLE'])

/** The other side does not know us yet, or not who we are by now. */
export function isNotYet(error: unknown): boolean {
  if (!(error instanceof Refusal)) return false
  return error.reason === 'PEER_CERTIFICATE_NOT_TRUSTED' || NOT_YET.has(error.metadata['peer_reason'] ?? '')
}
const NOT_YET: ReadonlySet<string> = new Set(['CERTIFICATE_NOT_TRUSTED', 'PEER_UNKNOWN', 'PEER_NOT_ENROLLED'])

/** Both sides enrol each other, one a moment before the other: until both gateways have heard of it, "no" may mean "not yet". */
export function isNew({ enrolledAt }: PeerRoute, now: Date): boolean {
  return enrolledAt !== undefined && now.getTime() - timestampMs(enrolledAt) < NEW_FOR_MS
}
const NEW_FOR_MS = 10_000
/** From a few milliseconds, which is what it takes, to about a second. */
export const NOT_YET_RETRIES = 6

/** The other gateway knows too little for a moment to let anybody in: nothing was done. */
export function isStaleThere(error: unknown): boolean {
  return error instanceof Refusal && error.metadata['peer_reason'] === 'POLICY_STALE'
}
/** About three seconds: as long as a feed takes to be opened anew on a machine that is busy. */
export const STALE_RETRIES = 5
