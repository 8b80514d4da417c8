/**
 * The context each secret is sealed under (AES-GCM additional data): a sealed value moved to another row or
 * column does not open.
 */
export const SEALED = {
  identityKey: 'platform/identity-key',
  rootKey: (generation: number): string => `authority/${generation}/root-key`,
  issuingKey: (generation: number): string => `authority/${generation}/issuing-key`,
  peerCertificateKey: (peerId: string): string => `peer/${peerId}/certificate-key`,
  acceptanceToken: (peerId: string): string => `errand/${peerId}/acceptance-token`,
  enrollment: (peerId: string): string => `parentage/${peerId}/enrollment`,
  acceptanceRun: (runId: string): string => `acceptance-run/${runId}/token`,
  heldInvitation: ({ planSha256, requestedBy }: { planSha256: Buffer; requestedBy: string }): string =>
    `held-invitation/${planSha256.toString('hex')}/${requestedBy}`,
} as const
