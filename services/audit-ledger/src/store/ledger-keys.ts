import type { LedgerTx } from './tables.ts'

export type Use = 'log' | 'witness'
export type SealedKey = {
  readonly use: Use
  readonly generation: number
  readonly publicKey: Uint8Array
  readonly sealed: Uint8Array
}

/** The newest key of each use. */
export async function newest(tx: LedgerTx): Promise<readonly SealedKey[]> {
  return tx
    .selectFrom('ledger_key')
    .select(['use', 'generation', 'public_key as publicKey', 'sealed'])
    .distinctOn('use')
    .orderBy('use')
    .orderBy('generation', 'desc')
    .execute()
}

/** Keeps a key. Of two replicas that make one at the same moment, the first wins. */
export async function add(tx: LedgerTx, { use, generation, publicKey, sealed }: SealedKey, now: Date): Promise<void> {
  await tx
    .insertInto('ledger_key')
    .values({ use, generation, public_key: publicKey, sealed, made_at: now })
    .onConflict((on) => on.doNothing())
    .execute()
}
