import type { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { CallerName, CallersTable } from '@powernode/rpc'

/** Services that have a certificate of their own to keep, NATS and Postgres among them. */
const HOLDERS = [
  'service/peer-registry',
  'service/federation-gateway',
  'service/liveness',
  'service/audit-ledger',
  'service/grant-authz',
  'service/spawn-provisioner',
  'service/sdwan-compiler',
  'service/node-agent',
  'service/nats',
  'service/postgres',
] as const satisfies readonly CallerName[]

/** Who may call each RPC. An RPC without a row does not compile. */
export const PEER_CALLERS: CallersTable<typeof PeerRegistryService> = {
  getPlatform: [
    'system.federation.read',
    'service/liveness',
    'service/spawn-provisioner',
    'service/sdwan-compiler',
    'service/node-agent',
  ],
  proposePeer: ['system.federation_peers.manage'],
  acceptInvitation: ['system.federation_peers.manage'],
  listPeers: ['system.federation.read', 'service/liveness', 'service/spawn-provisioner'],
  getPeer: [
    'system.federation.read',
    'service/liveness',
    'service/grant-authz',
    'service/spawn-provisioner',
    'service/sdwan-compiler',
    'service/node-agent',
  ],
  updatePeer: ['system.federation_peers.manage'],
  suspendPeer: ['system.federation_peers.manage'],
  resumePeer: ['system.federation_peers.manage'],
  revokePeer: ['system.federation_peers.manage'],
  repeerPeer: ['system.federation_peers.manage'],
  createInvitation: ['system.federation_peers.manage'],
  listInvitations: ['system.federation.read', 'service/liveness'],
  revokeInvitation: ['system.federation_peers.manage'],
  previewInvitation: ['system.federation_peers.manage'],
  redeemInvitation: ['service/federation-gateway'],
  receiveTrustBundle: ['service/federation-gateway'],
  signPeerCertificate: ['service/federation-gateway'],
  receiveRevocation: ['service/federation-gateway'],
  emancipatePeer: ['system.federation_peers.manage'],
  adoptPeer: ['system.federation_peers.manage'],
  receiveRelationship: ['service/federation-gateway'],
  prepareChild: ['service/spawn-provisioner'],
  rotateBootInvitation: ['service/spawn-provisioner'],
  extendBootInvitation: ['service/spawn-provisioner'],
  cancelChild: ['service/spawn-provisioner'],
  joinParent: ['service/node-agent'],
  takeEnrollment: ['service/node-agent'],
  endorseLedgerKeys: ['service/audit-ledger'],
  advertisePrefix: ['service/sdwan-compiler'],
  watchPeers: ['service/federation-gateway', 'service/liveness', 'service/audit-ledger'],
}

export const AUTHORITY_CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['system.federation.read', 'service/liveness'],
  listCertificates: [
    'system.federation.read',
    'service/sdwan-compiler',
    'service/liveness',
    'service/spawn-provisioner',
  ],
  issueCertificate: ['system.federation_ca.manage', 'service/spawn-provisioner'],
  renewOwnCertificate: ['operator', 'instance', ...HOLDERS],
  revokeCertificate: ['system.federation_ca.manage'],
  revokeIdentity: ['system.federation_ca.manage'],
  watchTrust: ['operator', 'instance', ...HOLDERS],
  reportTrust: ['operator', 'instance', ...HOLDERS],
  planRotation: ['system.federation_ca.manage'],
  getRotation: ['system.federation.read'],
  applyRotation: ['system.federation_ca.manage'],
}

export const VERSION_CALLERS: CallersTable<typeof VersionService> = {
  listVersionRules: ['system.federation.read'],
  setVersionRule: ['system.infra_tasks.control'],
  removeVersionRule: ['system.infra_tasks.control'],
  listCompatibility: ['system.federation.read', 'service/liveness'],
  simulateVersion: ['system.federation.read'],
}
