/**
 * What entries about calls across the border are called.
 *
 * A call of ours is two entries: that it left, durable before it does, and what came of it. A call of a peer is one, durable
 * before it is answered. Whatever else is decided about the same call later is an entry of its own without a content id, so
 * that each call is held once against what the other side tells of it.
 */
export const CALL_SENT = 'federation.call.sent'
export const CALL_ALLOWED = 'federation.call.allowed'
export const CALL_REFUSED = 'federation.call.refused'

/**
 * The id of the entry which says that a call left: the UUIDv8 beside the UUIDv7 of the decision about it (RFC 9562 §5.8), so
 * that whoever has the id of the decision finds both.
 */
export function sentEntryId(decisionId: string): string {
  return `${decisionId.slice(0, VERSION_AT)}8${decisionId.slice(VERSION_AT + 1)}`
}
const VERSION_AT = 14
