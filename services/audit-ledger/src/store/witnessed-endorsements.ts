import type { LedgerTx } from './tables.ts'

/** Our identity key's statement of the keys we sign with. */
export type Endorsed = {
  readonly sequence: number
  readonly logPublicKey: Uint8Array
  readonly witnessPublicKey: Uint8Array
  /** Envelope of LedgerKeys. */
  readonly statement: Uint8Array
}

export async function newest(tx: LedgerTx): Promise<Endorsed | undefined> {
  return tx
    .selectFrom('endorsement')
    .select(['sequence', 'log_public_key as logPublicKey', 'witness_public_key as witnessPublicKey', 'statement'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Keeps a statement. The same is told to every replica that asks, and is kept once. */
export async function add(
  tx: LedgerTx,
  { sequence, logPublicKey, witnessPublicKey, statement }: Endorsed,
  now: Date,
): Promise<void> {
  const keys = { log_public_key: logPublicKey, witness_public_key: witnessPublicKey }
  await tx
    .insertInto('endorsement')
    .values({ sequence, ...keys, statement, at: now })
    .onConflict((on) => on.doNothing())
    .execute()
}
