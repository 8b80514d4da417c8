import type { Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import type { GrantTx } from '../../store/tables.ts'

type Wanted = Parameters<typeof grants.page>[2]

/** A page of grants, by id, and where the next begins; of all peers, kinds and statuses where none is named. */
export async function listGrants(
  tx: GrantTx,
  now: Date,
  wanted: Wanted,
): Promise<{ grants: readonly Grant[]; next: string | undefined }> {
  const found = await grants.page(tx, now, { ...wanted, limit: wanted.limit + 1 })
  const page = found.slice(0, wanted.limit)
  return { grants: page, next: found.length > wanted.limit ? page.at(-1)?.id : undefined }
}
