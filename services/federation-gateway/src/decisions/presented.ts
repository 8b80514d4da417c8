import type { AccessRequest, Scope } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { isUuid } from './decision-id.ts'
import type { CallHeaders } from '../door/unary.ts'
import type { Visitor } from '../door/visitor.ts'

/** What a call wants: an empty id means all of the kind. */
export type Wanted = {
  readonly rpc: string
  readonly kind: string
  readonly id: string
  readonly scope: Scope
  /** Where one record was decided about, what sort of data that is. */
  readonly dataClass?: string
}

export const NODE_INSTANCE_HEADER = 'powernode-node-instance'
export const NETWORK_HEADER = 'powernode-sdwan-network'

/** In which a caller's platform says its own id of the call; both sides write it down, so that they can be compared. */
export const CONTENT_ID_HEADER = 'powernode-content-id'
/** With `proof`, the answer comes with the proof that the call is in our log (C2SP tlog-proof). */
export const RECEIPT_HEADER = 'powernode-receipt'

/** Ids are short; what is longer would only be carried along into every record. */
const ID = /^[\u0021-\u007e]{1,128}$/
const BEARER = /^bearer +(\S.*)$/i

/** All that a peer shows with one call, as decisions are made on it. */
export function accessRequest(
  wanted: Wanted,
  headers: CallHeaders,
  { visitor, route }: { readonly visitor: Visitor; readonly route: PeerRoute },
): AccessRequest {
  const { identity, remoteAddress } = visitor
  const isPeer = identity.kind === 'peer'
  return {
    peerId: route.peerId,
    enrolledIdentity: route.spiffeId,
    presentedIdentity: isPeer ? identity.spiffeId : '',
    certificateSha256: isPeer ? identity.certificateSha256 : '',
    bearer: bearerIn(headers),
    kind: wanted.kind,
    id: wanted.id,
    scope: wanted.scope,
    nodeInstanceId: idIn(headers, NODE_INSTANCE_HEADER),
    sdwanNetworkId: idIn(headers, NETWORK_HEADER),
    sourceAddress: remoteAddress,
    declaredResidency: route.dataResidency,
  }
}

/** The caller's id of the call; empty when it says none, or what is none. */
export function contentIdIn(headers: CallHeaders): string {
  const values = headers.get(CONTENT_ID_HEADER)
  if (values.length !== 1) return ''
  const [value] = values
  return typeof value === 'string' && isUuid(value) ? value.toLowerCase() : ''
}

export function wantsReceipt(headers: CallHeaders): boolean {
  return headers.get(RECEIPT_HEADER)[0] === 'proof'
}

/** Two bearers are none that fits: which of them is meant is not ours to choose. */
function bearerIn(headers: CallHeaders): string | undefined {
  const values = headers.get('authorization')
  if (values.length === 0) return undefined
  return BEARER.exec(values.length === 1 ? String(values[0]) : values.join(', '))?.[1]
}

function idIn(headers: CallHeaders, name: string): string {
  const values = headers.get(name)
  if (values.length === 0) return ''
  const [value] = values
  if (values.length === 1 && typeof value === 'string' && ID.test(value)) return value
  throw new Refusal('REQUEST_INVALID', `the header ${name} holds one id of 128 characters at most`, {
    metadata: { header: name },
  })
}
