import type { JsonObject } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import type { By } from '../../events/residency.ts'
import { resourceChanged } from '../../events/resources.ts'
import { requireOwn, unknownKind } from '../../kind.ts'
import { applied, checkRecord, checkRevision, checkWrite, resourceNotFound, type Resource } from '../../resource.ts'
import * as kinds from '../../store/kinds.ts'
import * as resources from '../../store/resources.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A peer changes fields of a record, as its grant allows. What it may never see it cannot write either.
 *
 * Setting what is so already is no change. Heard by audit-ledger, in the peer's log.
 */
export async function updateResource(
  tx: GrantTx,
  now: Date,
  said: { by: By; peerId: string; kind: string; id: string; changes: JsonObject; ifRevision: number },
): Promise<Resource> {
  const { by, peerId, kind: name, id, changes, ifRevision } = said
  const kind = await kinds.find(tx, name)
  if (!kind) throw unknownKind(name)
  requireOwn(kind)
  checkWrite(kind, changes)
  const before = await resources.lock(tx, name, id)
  if (!before || before.removedAt) throw resourceNotFound(name, id)
  checkRevision(before, ifRevision)
  const { after: record, changed } = applied(before.record, changes)
  if (changed.length === 0) return before

  checkRecord(record)
  const after = { ...before, record, revision: before.revision + 1, updatedAt: now }
  await resources.save(tx, before, after)
  await append(tx, resourceChanged('updated', after, { changed, at: now, by, peerId: peerId || undefined }))
  return after
}
