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
  getPlatform: ['system.federation.read'],
  proposePeer: ['system.federation_peers.manage'],
  acceptInvitation: ['system.federation_peers.manage'],
  listPeers: ['system.federation.read'],
  getPeer: ['system.federation.read', 'service/grant-authz'],
  updatePeer: ['system.federation_peers.manage'],
  suspendPeer: ['system.federation_peers.manage'],
  resumePeer: ['system.federation_peers.manage'],
  revokePeer: ['system.federation_peers.manage'],
  repeerPeer: ['system.federation_peers.manage'],
  createInvitation: ['system.federation_peers.manage'],
  listInvitations: ['system.federation.read'],
  revokeInvitation: ['system.federation_peers.manage'],
  previewInvitation: ['system.federation_peers.manage'],
  redeemInvitation: ['service/federation-gateway'],
  receiveTrustBundle: ['service/federation-gateway'],
  signPeerCertificate: ['service/federation-gateway'],
  receiveRevocation: ['service/federation-gateway'],
  emancipatePeer: ['system.federation_peers.manage'],
  adoptPeer: ['system.federation_peers.manage'],
  receiveRelationship: ['service/federation-gateway'],
  endorseLedgerKeys: ['service/audit-ledger'],
  watchPeers: ['service/federation-gateway', 'service/liveness', 'service/audit-ledger'],
}

export const AUTHORITY_CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['system.federation.read'],
  listCertificates: ['system.federation.read'],
  issueCertificate: ['system.federation_ca.manage'],
  renewOwnCertificate: ['operator', ...HOLDERS],
  revokeCertificate: ['system.federation_ca.manage'],
  revokeIdentity: ['system.federation_ca.manage'],
  watchTrust: ['operator', ...HOLDERS],
  reportTrust: ['operator', ...HOLDERS],
  planRotation: ['system.federation_ca.manage'],
  getRotation: ['system.federation.read'],
  applyRotation: ['system.federation_ca.manage'],
}
