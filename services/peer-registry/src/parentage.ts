import type { SpawnMode } from './peer.ts'

/** What we are the child by: what the boot payload of our machine said, and what the parent handed over since. */
export type Parentage = {
  readonly peerId: string
  /** What the parent calls this peering: its agreement MUST say the same. */
  readonly parentPeerId: string
  readonly spawnMode: SpawnMode
  /** SHA-256 of the token that was tried last. */
  readonly tokenDigest: Buffer
  /** Why there will be no peering by that token; empty: nobody has said so. */
  readonly refusedReason: string
  readonly refusedMessage: string
  /** What came with the parent's answer, until it is carried out. */
  readonly enrollmentSealed: Buffer | null
  readonly createdAt: Date
  readonly doneAt: Date | null
}
