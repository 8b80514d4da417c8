/**
 * The context each bearer is sealed under (AES-GCM additional data): a sealed value moved to another row does not open.
 */
export const SEALED = {
  issued: (grantId: string): string => `grant_notice/${grantId}/bearer`,
  received: (peerId: string, grantId: string): string => `received_grant/${peerId}/${grantId}/bearer`,
} as const

/** What seals and opens what has to wait as a secret: a SealingKey of libs/identity. */
export type Sealing = {
  readonly seal: (plaintext: Uint8Array, context: string) => Buffer
  readonly open: (sealed: Uint8Array, context: string) => Buffer
}
