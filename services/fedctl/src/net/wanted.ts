import { Problem, usage } from '../problem.ts'
import { itemOf, type Intent, type IntentRecord } from './intent.ts'
import type { SaidRecord } from './intent-file.ts'
import { KIND_NAMES, KINDS, type Fields, type Kind, type NameOf } from './kinds.ts'
import { toContract } from './translate.ts'
import { textOf } from './text-of.ts'

type Given = {
  readonly there: Intent
  /** What the file does not speak of stays. */
  readonly keep: boolean
  readonly newId: () => string
}

/**
 * What the network is to be: the records that a file says, each with the id of the one that is there already, or a new one.
 *
 * Kind by kind in an order in which every record is known before it is named. Who is the same is told by its name; a member by
 * its node, so that it can be renamed.
 */
export function wantedBy(file: readonly SaidRecord[], { there, keep, newId }: Given): Intent {
  const wanted = new Map(keep ? there.records.map((record) => [record.id, record]) : [])
  const ids = new Map<SaidRecord, string>()
  let intent = there.with([...wanted.values()])
  for (const kind of KIND_NAMES) {
    const said = file.filter((record) => record.kind === kind)
    if (said.length === 0) continue
    const before = intent
    const known = new Map(there.ofKind(kind).map((record) => [identity(kind, record.fields, there.nameOf), record]))
    const taken = new Set<string>()
    for (const record of said) {
      const fields = fieldsOf(record, ids, before)
      const who = identity(kind, fields, before.nameOf)
      if (taken.has(who)) throw usage(`${record.where} is there twice`)
      taken.add(who)
      const same = known.get(who) ?? namesake(kind, fields, there)
      const id = same?.id ?? newId()
      ids.set(record, id)
      wanted.set(id, { kind, id, fields: { ...kept(kind, same), ...fields }, version: same?.version ?? 0 })
    }
    intent = there.with([...wanted.values()])
  }
  return intent
}

function fieldsOf(
  { kind, said, above, where }: SaidRecord,
  ids: ReadonlyMap<SaidRecord, string>,
  intent: Intent,
): Fields {
  const aboveId = above && ids.get(above)
  const { within } = KINDS[kind]
  const lies: Fields = within && above?.kind === within.kind ? { [within.field]: aboveId } : {}
  const network = above?.kind === 'network' && aboveId !== undefined ? intent.nameOf(aboveId) : ''
  try {
    const fields = toContract(kind, { ...said, ...lies }, { intent, network })
    if (within && fields[within.field] === undefined) throw usage(`whose ${KINDS[kind].word} is it?`)
    itemOf({ kind, id: '', fields, version: 0 }) // refuses what the contract does not know while the line is known
    return fields
  } catch (error) {
    if (error instanceof Problem) throw usage(`${where}: ${error.facts.message}`, error.facts.next)
    throw error
  }
}

/** By what a record is known again: what it lies in, and its name; a member by its node. */
function identity(kind: Kind, fields: Fields, nameOf: NameOf): string {
  const { within, name } = KINDS[kind]
  const above = within ? textOf(fields[within.field]) : ''
  return `${above} ${kind === 'member' ? textOf(fields['node_instance_id']) : name(fields, nameOf)}`
}

/** A network whose slug is not what one would make of its name, and is not said. */
const namesake = (kind: Kind, fields: Fields, there: Intent): IntentRecord | undefined =>
  kind === 'network' && fields['slug'] === undefined
    ? there.ofKind(kind).find((record) => record.fields['name'] === fields['name'])
    : undefined

/** What the service chose where nothing was said, and what only it sets. */
function kept(kind: Kind, same: IntentRecord | undefined): Fields {
  const { filled = [], served = [] } = KINDS[kind]
  const fields = [...filled, ...served].map((field) => [field, same?.fields[field]] as const)
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}
