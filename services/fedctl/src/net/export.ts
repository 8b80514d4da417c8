import { insideOf, isSingle } from './intent-file.ts'
import type { Intent, IntentRecord } from './intent.ts'
import { KINDS, type Fields, type Kind } from './kinds.ts'
import { toPeople } from './translate.ts'
import { textOf } from './text-of.ts'

/** What is wanted, as a file says it: read again, it changes nothing. Only of one network, where one is named. */
export function intentTree(intent: Intent, network?: string): Fields {
  const isMeant = (record: IntentRecord) => network === undefined || intent.networkOf(record) === network
  return sections(insideOf(undefined), intent.records.filter(isMeant), intent)
}

function sections(kinds: readonly Kind[], records: readonly IntentRecord[], intent: Intent): Fields {
  return Object.fromEntries(
    kinds.flatMap((kind): [string, unknown][] => {
      const own = records
        .filter((record) => record.kind === kind)
        .toSorted((one, other) => (intent.nameOf(one.id) < intent.nameOf(other.id) ? -1 : 1))
        .map((record) => ({ ...shown(record, intent), ...sections(insideOf(kind), inside(record, intent), intent) }))
      if (own.length === 0) return []
      return [[KINDS[kind].section, isSingle(kind) ? own[0] : own]]
    }),
  )
}

const shown = (record: IntentRecord, intent: Intent): Fields =>
  toPeople(record.kind, record.fields, { intent, network: intent.networkOf(record) })

/** What is written in this record: what lies in it, and port mappings of its members. */
function inside({ kind, id }: IntentRecord, intent: Intent): IntentRecord[] {
  const kinds = insideOf(kind)
  return intent.records.filter((record) => {
    if (!kinds.includes(record.kind)) return false
    const { within } = KINDS[record.kind]
    if (!within) return false
    const above = textOf(record.fields[within.field])
    return above === id || intent.byId(above)?.fields['network_id'] === id
  })
}
