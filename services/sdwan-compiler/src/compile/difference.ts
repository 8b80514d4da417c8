import type { Id } from '../world.ts'

/** What a list lost and what it gained. A record that changed is another object, and in both. */
export type Difference<T> = { readonly gone: readonly T[]; readonly come: readonly T[] }

/**
 * Of a list and the one before it. Whatever is the same at both ends is passed over by identity: of thousands of records of
 * which one is new, changed or gone, only that one is looked at.
 */
export function differenceOf<T>(before: readonly T[], now: readonly T[]): Difference<T> {
  const most = Math.min(before.length, now.length)
  let start = 0
  while (start < most && before[start] === now[start]) start++
  let end = 0
  while (end < most - start && before[before.length - 1 - end] === now[now.length - 1 - end]) end++
  return { gone: before.slice(start, before.length - end), come: now.slice(start, now.length - end) }
}

/** The part of a difference that is of one kind. */
export const only = <T>({ gone, come }: Difference<T>, is: (item: T) => boolean): Difference<T> => ({
  gone: gone.filter(is),
  come: come.filter(is),
})

/** A list by id after a difference; the very same if there is none. */
export function patched<T extends { readonly id: Id }>(
  list: readonly T[],
  { gone, come }: Difference<T>,
): readonly T[] {
  if (gone.length === 0 && come.length === 0) return list
  const leaving = new Set(gone)
  const stay = gone.length === 0 ? [...list] : list.filter((item) => !leaving.has(item))
  if (come.length > MANY) return [...stay, ...come].toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  for (const item of come)
    stay.splice(
      placeOf(stay.length, (at) => (stay[at]?.id ?? '') <= item.id),
      0,
      item,
    )
  return stay
}

/** From here on it is cheaper to sort. */
const MANY = 64

/** The record of an id, in a list by id. */
export function foundIn<T extends { readonly id: Id }>(list: readonly T[], id: Id): T | undefined {
  const item = list[placeOf(list.length, (at) => (list[at]?.id ?? '') < id)]
  return item?.id === id ? item : undefined
}

/** How many of so many, from the first on, are before: found by halves. */
export function placeOf(length: number, isBefore: (at: number) => boolean): number {
  let [from, to] = [0, length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (isBefore(middle)) from = middle + 1
    else to = middle
  }
  return from
}

export const NO_DIFFERENCE: Difference<never> = { gone: [], come: [] }

/** A difference, by what its records have in common. */
export function differencesBy<T>({ gone, come }: Difference<T>, key: (item: T) => Id): ReadonlyMap<Id, Difference<T>> {
  const [left, joined] = [Map.groupBy(gone, key), Map.groupBy(come, key)]
  const ids = [...left.keys(), ...joined.keys()]
  return new Map(ids.map((id) => [id, { gone: left.get(id) ?? [], come: joined.get(id) ?? [] }]))
}
