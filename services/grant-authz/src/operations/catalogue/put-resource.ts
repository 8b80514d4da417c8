import type { JsonObject } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import type { By } from '../../events/residency.ts'
import { resourceChanged } from '../../events/resources.ts'
import { CATALOGUE, requireOwn, unknownKind } from '../../kind.ts'
import { requireRegion } from '../../region.ts'
import { changedFields, checkRecord, checkRevision, resourceNotFound, type Resource } from '../../resource.ts'
import * as kinds from '../../store/kinds.ts'
import * as regions from '../../store/regions.ts'
import * as resources from '../../store/resources.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * An operator writes a record of a kind that the catalogue holds, whole.
 *
 * A kind that another service had, and left, is nobody's until somebody takes it: writing a record of it does. Heard by
 * audit-ledger; whoever watches the kind is woken by the commit.
 */
export async function putResource(
  tx: GrantTx,
  now: Date,
  said: Pick<Resource, 'kind' | 'id' | 'record' | 'region' | 'dataClass'> & { by: By; ifRevision: number },
): Promise<Resource> {
  const { by, kind, id, record, region, dataClass, ifRevision } = said
  await takeKind(tx, kind)
  checkRecord(record)
  if (region !== undefined) requireRegion(await regions.all(tx), region)
  const before = await resources.lock(tx, kind, id)
  checkRevision(before, ifRevision)
  const changed = changesOf(before, { record, region, dataClass })
  if (before && !before.removedAt && changed.length === 0) return before

  const revision = (before?.revision ?? 0) + 1
  const after: Resource = { kind, id, record, region, dataClass, revision, updatedAt: now, removedAt: undefined }
  await resources.save(tx, before, after)
  await append(tx, resourceChanged('put', after, { changed, at: now, by }))
  return after
}

/** A record is gone. Heard by audit-ledger; whoever watches the kind is woken by the commit. */
export async function removeResource(
  tx: GrantTx,
  now: Date,
  { by, kind, id }: { by: By; kind: string; id: string },
): Promise<void> {
  await takeKind(tx, kind)
  const before = await resources.lock(tx, kind, id)
  if (!before || before.removedAt) throw resourceNotFound(kind, id)
  const after = { ...before, record: {}, revision: before.revision + 1, updatedAt: now, removedAt: now }
  await resources.save(tx, before, after)
  await append(tx, resourceChanged('removed', after, { changed: [], at: now, by }))
}

async function takeKind(tx: GrantTx, name: string): Promise<void> {
  const known = await kinds.find(tx, name)
  if (!known) throw unknownKind(name)
  if (known.server.service !== '') return requireOwn(known)
  await kinds.lock(tx)
  const left = await kinds.find(tx, name)
  if (left?.server.service === '') return kinds.saveServer(tx, name, CATALOGUE)
  if (left) requireOwn(left)
}

function changesOf(
  before: Resource | undefined,
  after: { readonly record: JsonObject; readonly region: string | undefined; readonly dataClass: string },
): string[] {
  const { record, region, dataClass } = before ?? { record: {}, region: undefined, dataClass: '' }
  return [
    ...changedFields(record, after.record),
    ...(region === after.region ? [] : ['(region)']),
    ...(dataClass === after.dataClass ? [] : ['(data_class)']),
  ]
}
