import { Refusal } from '@powernode/rpc'
import type { Grant } from './grant.ts'

export const grantNotFound = (id: string): Refusal =>
  new Refusal('GRANT_NOT_FOUND', `there is no grant ${id}`, { metadata: { grant_id: id }, next: 'fedctl grant list' })

/** A peer holds one live grant for a subject, kind and resource: two would hide each other when one is taken away. */
export const grantExists = ({ id, remoteSubject, resourceKind, resourceId }: Grant): Refusal =>
  new Refusal(
    'GRANT_EXISTS',
    `${remoteSubject} holds a live grant for ${resourceKind}${resourceId && ` ${resourceId}`} already`,
    { metadata: { grant_id: id }, next: `fedctl grant show ${id}` },
  )

/** As the database counts it: numbers in all their digits. */
export const metadataTooLarge = (): Refusal =>
  new Refusal('REQUEST_INVALID', 'the metadata of a grant takes 16,384 bytes at most', {
    metadata: { field: 'metadata' },
  })

/** Refuses a change of what somebody else changed since it was read; revision 0 does not care. */
export function mustHaveRevision(grant: Grant, revision: number): void {
  if (revision === 0 || revision === grant.revision) return
  throw new Refusal('GRANT_CHANGED_MEANWHILE', 'the grant is not what you read any more', {
    metadata: { grant_id: grant.id, revision: `${grant.revision}` },
    next: `fedctl grant show ${grant.id}, then again`,
  })
}
