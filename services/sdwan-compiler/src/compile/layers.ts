import type { Id } from '../world.ts'
import { compared } from './compared.ts'

/** From here on what changed is laid down with the rest. */
const MOST_OVER = 128

/**
 * A map by id that is never changed: what follows it has the same entries but for a few, and costs those few. A copy of a Map with 5,000
 * entries takes longer than all that one more member changes.
 */
export class Layers<Value> implements ReadonlyMap<Id, Value> {
  /** By id. */
  readonly #base: ReadonlyMap<Id, Value>
  /** In its place; undefined: gone. */
  readonly #over: ReadonlyMap<Id, Value | undefined>
  readonly size: number

  constructor(base: ReadonlyMap<Id, Value> = new Map(), over: ReadonlyMap<Id, Value | undefined> = new Map()) {
    this.#base = base
    this.#over = over
    let size = base.size
    for (const [id, value] of over) size += Number(value !== undefined) - Number(base.has(id))
    this.size = size
  }

  /** The map after some changes. */
  after(changes: ReadonlyMap<Id, Value | undefined>): Layers<Value> {
    if (changes.size === 0) return this
    const next = new Layers(this.#base, new Map([...this.#over, ...changes]))
    return next.#over.size > MOST_OVER ? new Layers(new Map(next)) : next
  }

  get(id: Id): Value | undefined {
    return this.#over.size > 0 && this.#over.has(id) ? this.#over.get(id) : this.#base.get(id)
  }

  has(id: Id): boolean {
    return this.get(id) !== undefined
  }

  entries(): ReturnType<[Id, Value][]['values']> {
    const all: [Id, Value][] = []
    this.forEach((value, id) => all.push([id, value]))
    return all.values()
  }

  keys(): ReturnType<Id[]['values']> {
    const all: Id[] = []
    this.forEach((_, id) => all.push(id))
    return all.values()
  }

  values(): ReturnType<Value[]['values']> {
    const all: Value[] = []
    this.forEach((value) => all.push(value))
    return all.values()
  }

  [Symbol.iterator](): ReturnType<[Id, Value][]['values']> {
    return this.entries()
  }

  /** By id. */
  forEach(hear: (value: Value, id: Id, map: ReadonlyMap<Id, Value>) => void): void {
    const over = [...this.#over].toSorted(([a], [b]) => compared(a, b))
    let at = 0
    const tellOver = (before: Id | undefined): void => {
      for (let next = over[at]; next && (before === undefined || next[0] <= before); next = over[++at]) {
        if (next[1] !== undefined) hear(next[1], next[0], this)
      }
    }
    this.#base.forEach((value, id) => {
      tellOver(id)
      if (over.length === 0 || !this.#over.has(id)) hear(value, id, this)
    })
    tellOver(undefined)
  }
}
