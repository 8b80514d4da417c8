import type { Counter, Histogram } from 'prom-client'

/**
 * Counts into one of a counter's series, named by the values of its labels in the order of `names`.
 *
 * prom-client writes a text of the labels for every call, to find the series by; here it is found by the values themselves, and
 * prom-client is asked when a series is new. For what happens thousands of times a second; all else says `inc`.
 */
export function counting<L extends string>(counter: Counter<L>, names: readonly L[]): (...values: string[]) => void {
  const held = kept<{ value: number }>(counter)
  const known = branch<{ value: number }>()
  return (...values) => {
    const series = found(known, values)
    if (series) series.value += 1
    else {
      const labels = labelled(names, values)
      counter.inc(labels)
      keep(known, values, held(labels))
    }
  }
}

type Buckets = { sum: number; count: number; readonly bucketValues: Record<string, number> }

/** The same of a histogram. */
export function timing<L extends string>(
  histogram: Histogram<L>,
  names: readonly L[],
): (value: number, ...values: string[]) => void {
  const held = kept<Buckets>(histogram)
  const known = branch<Buckets>()
  const bounds = (histogram as unknown as { readonly upperBounds: readonly number[] }).upperBounds // as prom-client has it
  const keys = bounds.map(String)
  return (value, ...values) => {
    const series = found(known, values)
    if (series && Number.isFinite(value)) {
      series.sum += value
      series.count += 1
      let at = 0
      while (value > (bounds[at] ?? Infinity)) at++
      const key = keys[at]
      if (key !== undefined) series.bucketValues[key] = (series.bucketValues[key] ?? 0) + 1
    } else {
      const labels = labelled(names, values)
      histogram.observe(labels, value)
      keep(known, values, held(labels))
    }
  }
}

/** Where prom-client keeps a series that it has been told of: `hashMap`, by a text that it does not tell. */
function kept<Series>(metric: object): (labels: Readonly<Record<string, string>>) => Series {
  const { hashMap } = metric as {
    readonly hashMap: Record<string, Series & { readonly labels: Record<string, string> }>
  }
  return (labels) => {
    const names = Object.keys(labels)
    const series = Object.values(hashMap).find((each) => names.every((name) => each.labels[name] === labels[name]))
    if (!series) throw new Error(`prom-client keeps no series of ${JSON.stringify(labels)}`)
    return series
  }
}

const labelled = <L extends string>(names: readonly L[], values: readonly string[]): Record<L, string> =>
  Object.fromEntries(names.map((name, at) => [name, values[at] ?? ''])) as Record<L, string> // a value for each name

/** What is known by some words, one after the other. */
type Branch<T> = { readonly next: Map<string, Branch<T>>; leaf?: T }
const branch = <T>(): Branch<T> => ({ next: new Map() })

function found<T>(from: Branch<T>, words: readonly string[]): T | undefined {
  let at: Branch<T> | undefined = from
  for (let n = 0; n < words.length; n++) at = at?.next.get(words[n] ?? '')
  return at?.leaf
}

function keep<T>(from: Branch<T>, words: readonly string[], leaf: T): void {
  let at = from
  for (const word of words) {
    const next = at.next.get(word) ?? branch<T>()
    at.next.set(word, next)
    at = next
  }
  at.leaf = leaf
}
