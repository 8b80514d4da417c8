import { create } from '@bufbuild/protobuf'
import { canonicalCidr } from '@powernode/policy'
import { ChangeSchema, type Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { isRecord } from '../values.ts'
import { itemOf, type Intent, type IntentRecord } from './intent.ts'
import { KIND_NAMES, KINDS, type Fields, type Kind } from './kinds.ts'
import { toPeople } from './translate.ts'

/** One record that is to be otherwise. */
export type Difference = {
  readonly act: 'create' | 'change' | 'delete'
  readonly kind: Kind
  readonly path: string
  /** mtu 1420 → 1380; nothing where it is made or goes. */
  readonly fields: readonly string[]
  readonly change: Change
}

/**
 * What has to be written so that what is there becomes what is wanted: nothing where it is so already. Deletions begin with what
 * hangs on others.
 */
export function differences(there: Intent, wanted: Intent): Difference[] {
  const inOrder = (records: readonly IntentRecord[]) =>
    KIND_NAMES.flatMap((kind) => records.filter((record) => record.kind === kind))
  // Names as they are to be: who is called otherwise from now on is still the same.
  const naming = there.with([...there.records.filter(({ id }) => !wanted.byId(id)), ...wanted.records])
  const puts = inOrder(wanted.records).flatMap((record): Difference[] => {
    const { kind, id } = record
    const path = wanted.nameOf(id)
    const change = create(ChangeSchema, { act: { case: 'put', value: itemOf(record) } })
    const before = there.byId(id)
    if (!before) return [{ act: 'create', kind, path, fields: [], change }]
    const fields = changedFields(shownIn(naming, before), shownIn(naming, record))
    return fields.length === 0 ? [] : [{ act: 'change', kind, path, fields, change }]
  })
  const gone = inOrder(there.records)
    .filter(({ id, kind }) => kind !== 'vrf_assignment' && !wanted.byId(id))
    .toReversed()
    .map(({ kind, id }): Difference => {
      // What the service itself made of it goes with it.
      const value = { kind, id, cascade: true }
      return { act: 'delete', kind, path: there.nameOf(id), fields: [], change: create(ChangeSchema, { act: { case: 'delete', value } }) } // prettier-ignore
    })
  return [...puts, ...gone]
}

function shownIn(intent: Intent, record: IntentRecord): Fields {
  const { kind, fields } = record
  const { defaults = {} } = KINDS[kind]
  const said = Object.fromEntries(Object.entries(fields).filter(([, value]) => !isNothing(value)))
  return toPeople(kind, { ...defaults, ...said }, { intent, network: intent.networkOf(record) })
}

function changedFields(before: Fields, after: Fields): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return keys
    .filter((key) => text(canonical(before[key])) !== text(canonical(after[key])))
    .map((key) => `${key} ${shown(before[key])} → ${shown(after[key])}`)
}

/** In proto3 what is empty and what was not said are the same. */
const isNothing = (value: unknown): boolean =>
  value === undefined || value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0)

/** Prefixes in one spelling, keys in one order. */
function canonical(value: unknown): unknown {
  if (typeof value === 'string') return /[:.]/.test(value) ? (canonicalCidr(value) ?? value) : value
  if (Array.isArray(value)) return value.map(canonical)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  )
}

const text = (value: unknown): string => (isNothing(value) ? '' : JSON.stringify(value))
const shown = (value: unknown): string =>
  isNothing(value) ? 'unset' : typeof value === 'string' ? value : JSON.stringify(value)
