import type { Tx } from '@powernode/postgres'
import { contractDigest } from '../contract.ts'
import { CONTRACT_EFFECTIVE, CONTRACT_TEXT, CONTRACT_VERSION } from '../contract-text.ts'
import type { Tables } from '../store/tables.ts'

/** Notes the contract this release speaks. A text that differs from the one on record under its number is a fault. */
export async function recordContract(tx: Tx<Tables>): Promise<void> {
  const digest = contractDigest(CONTRACT_TEXT)
  await tx
    .insertInto('contract_version')
    .values({
      version: CONTRACT_VERSION,
      contract_text: CONTRACT_TEXT,
      contract_digest: digest,
      effective_at: CONTRACT_EFFECTIVE,
      deprecated_at: null,
    })
    .onConflict((on) => on.column('version').doNothing())
    .execute()
  const row = await tx
    .selectFrom('contract_version')
    .select('contract_digest')
    .where('version', '=', CONTRACT_VERSION)
    .executeTakeFirstOrThrow()
  if (row.contract_digest !== digest)
    throw new Error(`the text of contract version ${CONTRACT_VERSION} on record is not the one of this release`)
}
