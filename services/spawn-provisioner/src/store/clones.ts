import type { SpawnTx } from './tables.ts'

export type Clone = {
  readonly childId: string
  readonly identityFingerprint: Buffer
  readonly sourceAddress: string
  readonly reportedAt: Date
}

/** Writes a clone down; false when this identity is known as one. */
export async function insert(tx: SpawnTx, clone: Clone): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('clone')
    .values({
      child_id: clone.childId,
      identity_fingerprint: clone.identityFingerprint,
      source_address: clone.sourceAddress,
      reported_at: clone.reportedAt,
    })
    .onConflict((on) => on.columns(['child_id', 'identity_fingerprint']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
