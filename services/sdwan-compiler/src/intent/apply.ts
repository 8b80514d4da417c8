import { Refusal } from '@powernode/rpc'
import type { Id, Prefix } from '../world.ts'
import { actionOf, type Act, type Verb } from './acts.ts'
import type { Draft } from './intent.ts'
import { Reading } from './reading.ts'
import type { AnyRecord, Fields, Kind, RecordOf, Stamps } from './records.ts'
import { hangingOn, type Named } from './references.ts'
import { calledOf, anyOf } from './to-wire.ts'
import { refuseDoubles } from './unique.ts'
import { settleVrfs } from './vrfs.ts'
import type { Put } from './read-item.ts'

export type Ground = {
  readonly now: Date
  readonly by: string
  readonly install: Prefix
  readonly account: Prefix
  readonly accountId: string
  readonly portsInUse: (nodeId: Id) => readonly number[]
}

/** What a change came to: the draft holds the records. */
export type Applied = {
  /** Those that were put, in the order of the request, also where nothing of them changed. */
  readonly put: readonly Named[]
  /** One line each: "network_create lab". */
  readonly lines: readonly string[]
  /** The policies it falls under. */
  readonly actions: readonly string[]
}

/**
 * Applies every act to the draft, in order, all or none. A record that would be as it is stays as it is: saying again what is
 * there changes nothing, and takes no approval.
 */
export function applyActs(draft: Draft, acts: readonly Act[], ground: Ground): Applied {
  const said = { put: [] as Named[], lines: [] as string[], actions: new Set<string>() }
  const read = new Reading('')
  const note = (any: AnyRecord, verb: Verb): void => {
    said.lines.push(`${any.kind}_${verb} ${calledOf(any)}`)
    said.actions.add(actionOf(any.kind, verb))
  }
  for (const act of acts) {
    if (act.act === 'delete') deleteOne(draft, act, { ground, note })
    else said.put.push({ kind: act.put.kind, id: putOne(draft, act.put, { ground, note, read: read.in(act.field) }) })
  }
  read.settle()
  settleVrfs(draft, ground)
  refuseDoubles(draft)
  return { ...said, actions: [...said.actions].toSorted() }
}

type Noting = { readonly ground: Ground; readonly note: (any: AnyRecord, verb: Verb) => void }

function putOne<K extends Kind>(
  draft: Draft,
  put: Put<K>,
  { ground, note, read }: Noting & { readonly read: Reading },
): Id {
  // prettier-ignore
  const { kind } = put
  const [only] = kind === 'account_bgp' ? draft.all(kind).keys() : []
  const id = only ?? put.id
  const before = draft.get(kind, id)
  if (put.version !== 0 && put.version !== (before?.version ?? 0)) throw changed(kind, id, before)
  const fields = put.complete({ ...ground, id, before, draft, read })
  if (before && isSame(before, fields)) return id
  const record = { ...fields, ...stamps(id, before, ground) } as RecordOf<K> // fields of its kind, and stamps
  draft.put(kind, record)
  note(anyOf(kind, record), verbOf(kind, before, fields))
  return id
}

function deleteOne(
  draft: Draft,
  { kind, id, cascade }: Named & { readonly cascade: boolean },
  { ground, note }: Noting,
): void {
  // prettier-ignore
  const record = draft.get(kind, id)
  if (!record) throw new Refusal('INTENT_NOT_FOUND', `there is no ${kind} ${id}`, { metadata: { kind, id } })
  const { gone, shed } = hangingOn(draft, { kind, id })
  if (!cascade && gone.length + shed.length > 0) throw inUse(anyOf(kind, record), [...gone, ...shed])
  if (kind === 'vrf_assignment' && draft.get('vrf_assignment', id)?.state !== 'removed')
    throw new Refusal('INTENT_IN_USE', `the routing table of vrf_assignment ${id} is in use`, {
      next: 'say state removed first',
    })
  for (const any of shed) shedOne(draft, any, { ground, note })
  for (const any of gone) {
    // What hangs on several of those that go is gone with the first.
    if (draft.get(any.kind, any.record.id))
      deleteOne(draft, { kind: any.kind, id: any.record.id, cascade }, { ground, note })
  }
  draft.delete(kind, id)
  note(anyOf(kind, record), 'delete')
}

function shedOne(draft: Draft, any: AnyRecord, { ground, note }: Noting): void {
  const { kind, record } = any
  const after = { ...record, ...stamps(record.id, record, ground) }
  draft.put(kind, after)
  note(any, 'update')
}

const stamps = (id: Id, before: Stamps | undefined, { now, by }: Ground): Stamps => ({
  id,
  version: (before?.version ?? 0) + 1,
  createdAt: before?.createdAt ?? now,
  createdBy: before?.createdBy ?? by,
  updatedAt: now,
  updatedBy: by,
})

/** Taking a peer's access away is another act than changing it. */
function verbOf<K extends Kind>(kind: K, before: RecordOf<K> | undefined, fields: Fields[K]): Verb {
  if (!before) return 'create'
  const isOff = (said: object): boolean => 'disabled' in said && said.disabled === true
  return kind === 'prefix_access' && isOff(fields) && !isOff(before) ? 'revoke' : 'update'
}

function isSame<K extends Kind>(before: RecordOf<K>, fields: Fields[K]): boolean {
  const was: Readonly<Record<string, unknown>> = before
  return Object.entries(fields).every(([field, value]) => textOf(was[field]) === textOf(value))
}

/** Compared as text, with keys in one order: jsonb keeps none, and what is undefined is not there. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? ''

function changed(kind: Kind, id: Id, before: Stamps | undefined): Refusal {
  if (!before) return new Refusal('INTENT_NOT_FOUND', `there is no ${kind} ${id} any more`, { metadata: { kind, id } })
  const { version, updatedBy } = before
  return new Refusal('INTENT_CHANGED', `${kind} ${id} is version ${version} by now, written by ${updatedBy}`, {
    metadata: { kind, id, version: String(version) },
  })
}

function inUse(any: AnyRecord, hanging: readonly AnyRecord[]): Refusal {
  const names = hanging.slice(0, 10).map((one) => `${one.kind} ${calledOf(one)}`)
  const more = hanging.length > names.length ? ` and ${hanging.length - names.length} more` : ''
  return new Refusal('INTENT_IN_USE', `on ${any.kind} ${calledOf(any)} hang ${names.join(', ')}${more}`, {
    metadata: { kind: any.kind, id: any.record.id },
    next: 'delete those first, or all of it with --cascade',
  })
}
