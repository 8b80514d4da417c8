import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { CallerName, CallersTable } from '@powernode/rpc'

/** Services that have a certificate of their own to keep, NATS among them. */
const HOLDERS = [
  'service/peer-registry',
  'service/federation-gateway',
  'service/liveness',
  'service/audit-ledger',
  'service/grant-authz',
  'service/nats',
] as const satisfies readonly CallerName[]

/** Who may call each RPC. An RPC without a row does not compile. */
export const PEER_CALLERS: CallersTable<typeof PeerRegistryService> = {
  getPlatform: ['operator'],
  proposePeer: ['operator'],
  acceptInvitation: ['operator'],
  listPeers: ['operator'],
  getPeer: ['operator', 'service/grant-authz'],
  updatePeer: ['operator'],
  suspendPeer: ['operator'],
  resumePeer: ['operator'],
  revokePeer: ['operator'],
  repeerPeer: ['operator'],
  createInvitation: ['operator'],
  listInvitations: ['operator'],
  revokeInvitation: ['operator'],
  previewInvitation: ['operator'],
  redeemInvitation: ['service/federation-gateway'],
  receiveTrustBundle: ['service/federation-gateway'],
  signPeerCertificate: ['service/federation-gateway'],
  receiveRevocation: ['service/federation-gateway'],
  watchPeers: ['service/federation-gateway', 'service/liveness'],
}

export const AUTHORITY_CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['operator'],
  listCertificates: ['operator'],
  issueCertificate: ['operator'],
  renewOwnCertificate: ['operator', ...HOLDERS],
  revokeCertificate: ['operator'],
  revokeIdentity: ['operator'],
  watchTrust: ['operator', ...HOLDERS],
  reportTrust: ['operator', ...HOLDERS],
  planRotation: ['operator'],
  getRotation: ['operator'],
  applyRotation: ['operator'],
}
