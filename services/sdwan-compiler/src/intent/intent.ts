import type { Id } from '../world.ts'
import { KINDS } from './columns.ts'
import type { Kind, RecordOf } from './records.ts'

/** Every record of one kind, by id. */
export type Shelf<K extends Kind> = ReadonlyMap<Id, RecordOf<K>>

/** What operators want of the network, all of it, at one moment. A kind that a change does not touch keeps its very Map. */
export type Intent = { readonly [K in Kind]: Shelf<K> }

export const NOTHING: Intent = Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as unknown as Intent // one for every kind

/** An Intent while it is being changed: shelves are copied when they are first written to. */
export class Draft {
  readonly before: Intent
  readonly #now: Map<Kind, Shelf<Kind>>
  readonly #own = new Set<Kind>()

  constructor(before: Intent) {
    this.before = before
    this.#now = new Map(KINDS.map((kind) => [kind, before[kind]]))
  }

  all<K extends Kind>(kind: K): Shelf<K> {
    return (this.#now.get(kind) ?? new Map()) as Shelf<K> // of this kind, by whoever writes it below
  }

  get<K extends Kind>(kind: K, id: Id): RecordOf<K> | undefined {
    return this.all(kind).get(id)
  }

  put<K extends Kind>(kind: K, record: RecordOf<K>): void {
    this.#writable(kind).set(record.id, record)
  }

  delete(kind: Kind, id: Id): void {
    this.#writable(kind).delete(id)
  }

  get now(): Intent {
    return Object.fromEntries(this.#now) as unknown as Intent // one for every kind
  }

  /** The kinds that were written to. */
  get touched(): readonly Kind[] {
    return KINDS.filter((kind) => this.#own.has(kind))
  }

  #writable<K extends Kind>(kind: K): Map<Id, RecordOf<K>> {
    if (!this.#own.has(kind)) {
      this.#now.set(kind, new Map<Id, unknown>(this.all(kind)) as unknown as Shelf<Kind>) // of its own kind
      this.#own.add(kind)
    }
    return this.all(kind) as Map<Id, RecordOf<K>> // our own copy
  }
}

/** What has to be written so that one Intent becomes the other. */
export type Difference = {
  readonly [K in Kind]: {
    readonly inserted: readonly RecordOf<K>[]
    readonly updated: readonly RecordOf<K>[]
    readonly deleted: readonly RecordOf<K>[]
  }
}

export function differenceOf(before: Intent, after: Intent): Difference {
  const of = <K extends Kind>(kind: K) => {
    if (before[kind] === after[kind]) return { inserted: [], updated: [], deleted: [] }
    const [was, is] = [before[kind], after[kind]]
    return {
      inserted: [...is.values()].filter(({ id }) => !was.has(id)),
      updated: [...is.values()].filter((record) => was.has(record.id) && was.get(record.id) !== record),
      deleted: [...was.values()].filter(({ id }) => !is.has(id)),
    }
  }
  return Object.fromEntries(KINDS.map((kind) => [kind, of(kind)])) as unknown as Difference // one for every kind
}
