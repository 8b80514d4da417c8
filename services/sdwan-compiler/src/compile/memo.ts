/**
 * Values kept for as long as what they were made of is the same. Inputs are compared one by one by identity (texts by their
 * characters): whoever gives them MUST give everything that the value is made of.
 */
export class Memo<Value> {
  #kept = new Map<string, Entry<Value>>()
  #asked = new Map<string, Entry<Value>>()

  of(key: string, inputs: readonly unknown[], make: () => Value): Value {
    const known = this.#asked.get(key) ?? this.#kept.get(key)
    const entry = known && isSame(known.inputs, inputs) ? known : { inputs, value: make() }
    this.#asked.set(key, entry)
    return entry.value
  }

  /** Forgets what was not asked for since the last time: whoever is gone. */
  forgetOthers(): void {
    this.#kept = this.#asked
    this.#asked = new Map()
  }
}

type Entry<Value> = { readonly inputs: readonly unknown[]; readonly value: Value }

export function isSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  if (before.length !== now.length) return false
  for (let at = 0; at < now.length; at++) if (before[at] !== now[at]) return false
  return true
}

/** A list made anew, or the one before if it is the same. */
export function kept<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  return before && isSame(before, now) ? before : now
}

/** A record made anew, or the one before if each of its fields is the same. */
export function keptRecord<T extends object>(before: T | undefined, now: T): T {
  return before && isSame(Object.values(before), Object.values(now)) ? before : now
}
