import type { Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import type { GrantTx } from '../../store/tables.ts'

/** A page of grants, by id, and where the next begins; of one peer, or of all when `peerId` is empty. */
export async function listGrants(
  tx: GrantTx,
  _now: Date,
  { peerId, last, limit }: { peerId: string; last: string | undefined; limit: number },
): Promise<{ grants: readonly Grant[]; next: string | undefined }> {
  const found = await grants.after(tx, { peerId, last, limit: limit + 1 })
  const page = found.slice(0, limit)
  return { grants: page, next: found.length > limit ? page.at(-1)?.id : undefined }
}
