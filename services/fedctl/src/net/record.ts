import type { Outcome } from '../output.ts'
import type { Session } from '../session.ts'
import { change, put, type WriteOptions } from './change.ts'
import type { IntentRecord, Intent } from './intent.ts'
import { KINDS, type Fields, type Kind } from './kinds.ts'
import { loadIntent } from './load.ts'
import { toContract, toPeople } from './translate.ts'

/** Makes one record of what people say of it, in `above` (a network, a switch …) where its kind lies in something. */
export async function addRecord(
  session: Session,
  { kind, above, said }: { readonly kind: Kind; readonly above?: string; readonly said: Fields },
  options: WriteOptions,
): Promise<Outcome> {
  const intent = await loadIntent(session)
  const { within } = KINDS[kind]
  const place = within && above !== undefined ? intent.must(within.kind, above) : undefined
  const lies = within && place ? { [within.field]: place.id } : {}
  const network = place ? intent.networkOf(place) : ''
  const fields = { ...toContract(kind, { ...said, ...lies }, { intent, network }), ...lies }
  return change(session, [put({ kind, id: '', fields, version: 0 })], options)
}

/** Changes what is said of one record; the rest stays, and nobody may have changed it meanwhile. */
export async function updateRecord(
  session: Session,
  { kind, named, said }: { readonly kind: Kind; readonly named: string; readonly said: Fields },
  options: WriteOptions,
): Promise<Outcome> {
  const intent = await loadIntent(session)
  const record = intent.must(kind, named)
  return change(session, [put({ ...record, fields: merged(intent, record, said) })], options)
}

function merged(intent: Intent, record: IntentRecord, said: Fields): Fields {
  const around = { intent, network: intent.networkOf(record) }
  const { within } = KINDS[record.kind]
  const before = toPeople(record.kind, record.fields, around)
  const lies = within ? { [within.field]: record.fields[within.field] } : {}
  return { ...toContract(record.kind, { ...before, ...said, ...lies }, around), ...lies }
}
