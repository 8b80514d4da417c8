import { fromJson, toJson, type JsonObject, type MessageShape } from '@bufbuild/protobuf'
import { ItemSchema, type Item } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { usage } from '../problem.ts'
import { isRecord } from '../values.ts'
import { isKind, KINDS, type Fields, type Kind, type NameOf } from './kinds.ts'
import { isId } from './new-id.ts'
import { textOf } from './text-of.ts'

/** A record of intent: what the contract says of it, by the names of its fields. */
export type IntentRecord = {
  readonly kind: Kind
  readonly id: string
  /** Without id and stamp. */
  readonly fields: Fields
  /** What a change names, so that it changes what was seen; 0: there is none yet. */
  readonly version: number
}

/** Names that people gave to peers. */
export type PeerNames = ReadonlyMap<string, string>

/**
 * All that is wanted of the network, to be found by names: `lab`, `lab/web-1`, `lab/hub-1/tcp-443`, `ovn/tenants/vm1`.
 * A record's path is what it lies in and its own name.
 */
export class Intent {
  readonly records: readonly IntentRecord[]
  readonly #byId: ReadonlyMap<string, IntentRecord>
  readonly #byPath = new Map<string, IntentRecord>()
  readonly #paths = new Map<string, string>()
  readonly #peers: PeerNames

  constructor(records: readonly IntentRecord[], peers: PeerNames) {
    this.records = records
    this.#peers = peers
    this.#byId = new Map(records.map((record) => [record.id, record]))
    for (const record of records) {
      const path = this.#pathOf(record)
      this.#paths.set(record.id, path)
      this.#byPath.set(`${record.kind} ${path}`, record)
    }
  }

  static of(items: readonly Item[], peers: PeerNames): Intent {
    return new Intent(items.flatMap(recordOf), peers)
  }

  /** Other records, and the same peers. */
  with(records: readonly IntentRecord[]): Intent {
    return new Intent(records, this.#peers)
  }

  ofKind(kind: Kind): IntentRecord[] {
    return this.records.filter((record) => record.kind === kind)
  }

  byId(id: string): IntentRecord | undefined {
    return this.#byId.get(id)
  }

  /** What a record or a peer is called; an id that nothing is known of stays what it is. */
  readonly nameOf: NameOf = (id) => this.#paths.get(id) ?? this.#peers.get(id) ?? id

  find(kind: Kind, named: string): IntentRecord | undefined {
    const record = isId(named) ? this.#byId.get(named) : this.#byPath.get(`${kind} ${named}`)
    return record?.kind === kind ? record : undefined
  }

  /** The record that is meant; what is not there is a usage error that says what is. */
  must(kind: Kind, named: string): IntentRecord {
    const found = this.find(kind, named)
    if (found) return found
    const there = this.ofKind(kind).map(({ id }) => this.nameOf(id))
    const next =
      there.length > 0 ? `there is: ${there.slice(0, 12).join(', ')}${there.length > 12 ? ', …' : ''}` : undefined
    throw usage(`there is no ${KINDS[kind].word} "${named}"`, next)
  }

  /** The id of who or what is meant in a record of `network`: names of that network need not say it again. */
  idOf(kind: Kind | 'peer', named: string, network = ''): string {
    if (isId(named)) return named
    if (kind === 'peer') {
      const [id] = [...this.#peers].find(([, name]) => name === named) ?? []
      if (id === undefined) throw usage(`there is no peer "${named}"`, 'fedctl peer list')
      return id
    }
    return (this.find(kind, `${network}/${named}`) ?? this.must(kind, named)).id
  }

  /** The network that a record belongs to: its slug, or nothing. */
  networkOf(record: IntentRecord): string {
    if (record.kind === 'network') return this.nameOf(record.id)
    const { within } = KINDS[record.kind]
    const above = within && this.#byId.get(textOf(record.fields[within.field]))
    if (above) return this.networkOf(above)
    const network = record.fields['network_id']
    return typeof network === 'string' ? this.nameOf(network) : ''
  }

  /** All that hangs on this one, also through others. */
  allUnder(id: string): IntentRecord[] {
    const found = new Map<string, IntentRecord>()
    const add = (record: IntentRecord): void => {
      if (found.has(record.id)) return
      found.set(record.id, record)
      this.under(record.id).forEach(add)
    }
    this.under(id).forEach(add)
    return [...found.values()]
  }

  /** What names this one: it goes when this goes. */
  under(id: string): IntentRecord[] {
    return this.records.filter(({ kind, fields }) => {
      const { within, references = [] } = KINDS[kind]
      const named = [within?.field, ...references.map(({ field }) => field)]
      return named.some((field) => field !== undefined && [fields[field]].flat().includes(id))
    })
  }

  #pathOf(record: IntentRecord): string {
    const known = this.#paths.get(record.id)
    if (known !== undefined) return known
    const { within, name } = KINDS[record.kind]
    const own = name(record.fields, (id) => this.#pathOrPeer(id))
    const above = within && this.#byId.get(textOf(record.fields[within.field]))
    return above ? `${this.#pathOf(above)}/${own}` : own
  }

  #pathOrPeer(id: string): string {
    const record = this.#byId.get(id)
    return record ? this.#pathOf(record) : (this.#peers.get(id) ?? id)
  }
}

/** A message of the contract as a record; what this fedctl does not know of is left out. */
export function recordOf(item: Item): IntentRecord[] {
  const json = toJson(ItemSchema, item, { useProtoFieldName: true }) as JsonObject // a message's JSON is an object
  return Object.entries(json).flatMap(([kind, said]) => {
    if (!isKind(kind) || !isRecord(said)) return []
    const { id, stamp, ...fields } = said
    const version = isRecord(stamp) ? Number(stamp['version'] ?? 0) : 0
    return [{ kind, id: textOf(id ?? ''), fields, version }]
  })
}

/** A record as the contract's message, its version in the stamp. What the contract does not know of is a usage error. */
export function itemOf({ kind, id, fields, version }: IntentRecord): MessageShape<typeof ItemSchema> {
  const { word, served = [] } = KINDS[kind]
  const own = Object.fromEntries(Object.entries(fields).filter(([field]) => !served.includes(field)))
  const stamp = version > 0 ? { stamp: { version } } : {}
  try {
    return fromJson(ItemSchema, { [kind]: { ...own, id, ...stamp } })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : textOf(cause)
    throw usage(`this is no ${word}: ${why.replace(/^cannot decode (message|field) powernode\.sdwan\.v1\./, '')}`)
  }
}
