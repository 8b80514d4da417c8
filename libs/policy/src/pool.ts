/** Texts and lists held once, however many use them, and no longer than somebody does. */
export class Pool {
  readonly #texts = new Map<string, Held<string>>()
  readonly #lists = new Map<string, Held<readonly string[]>>()

  text(text: string): string {
    return taken(this.#texts, text, () => text)
  }

  list(list: readonly string[]): readonly string[] {
    return list.length === 0 ? NONE : taken(this.#lists, JSON.stringify(list), () => Object.freeze([...list]))
  }

  releaseText(text: string): void {
    release(this.#texts, text)
  }

  releaseList(list: readonly string[]): void {
    if (list.length > 0) release(this.#lists, JSON.stringify(list))
  }

  /** How many different values are held: 0 when nobody uses any. */
  get size(): number {
    return this.#texts.size + this.#lists.size
  }
}

type Held<Value> = { readonly value: Value; uses: number }

const NONE: readonly string[] = Object.freeze([])

function taken<Value>(held: Map<string, Held<Value>>, key: string, make: () => Value): Value {
  const found = held.get(key)
  if (found) {
    found.uses++
    return found.value
  }
  const value = make()
  held.set(key, { value, uses: 1 })
  return value
}

function release<Value>(held: Map<string, Held<Value>>, key: string): void {
  const found = held.get(key)
  if (found && --found.uses === 0) held.delete(key)
}
