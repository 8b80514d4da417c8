import { cidrsOverlap } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { Id, Prefix } from '../../world.ts'
import type { Draft } from '../intent.ts'
import type { Reading } from '../reading.ts'
import type { Kind, RecordOf } from '../records.ts'

/** What a record is completed from: everything beside it, as it stands when its turn in the change has come. */
export type Around<K extends Kind> = {
  readonly id: Id
  readonly before: RecordOf<K> | undefined
  readonly draft: Draft
  readonly read: Reading
  readonly now: Date
  /** The /40 of this installation and the /48 of this account in it. */
  readonly install: Prefix
  readonly account: Prefix
  readonly accountId: string
  /** Ports of a node that something else listens on: our ends of tunnels to peers. */
  readonly portsInUse: (nodeId: Id) => readonly number[]
}

/** The record that a field names; one that is not there is an objection to the field. */
export function named<K extends Kind>(
  { draft, read }: Pick<Around<Kind>, 'draft' | 'read'>,
  // oxlint-disable-next-line max-params -- which field, and which record it names
  field: string,
  kind: K,
  id: Id | null,
): RecordOf<K> | undefined {
  if (id === null) return undefined
  const record = draft.get(kind, id)
  if (!record) read.object(field, `there is no ${kind} ${id}`)
  return record
}

/** What never changes once it was written. */
export function unchanged(read: Reading, field: string, before: string | undefined, now: string): void {
  if (before !== undefined && before !== now) read.object(field, `was ${before}, and never changes`)
}

/** A prefix that a record wants, beside those of others that it MUST NOT touch. */
export function refuseOverlap(
  what: string,
  prefix: Prefix,
  others: Iterable<{ readonly prefix: Prefix; readonly whose: string }>,
): void {
  // prettier-ignore
  for (const other of others)
    if (cidrsOverlap(prefix, other.prefix))
      throw new Refusal('PREFIX_OVERLAP', `${what} ${prefix} overlaps with ${other.prefix} of ${other.whose}`, {
        metadata: { prefix, with_prefix: other.prefix, with: other.whose },
      })
}
