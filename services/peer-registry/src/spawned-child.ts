/** A peer that is a platform we made: which spawn it belongs to, and which machine it runs on. */
export type SpawnedChild = {
  readonly peerId: string
  readonly spawnId: string
  readonly instanceId: string
  readonly createdAt: Date
}
