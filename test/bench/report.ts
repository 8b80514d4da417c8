/** What every bench prints as its last line; more fields are welcome. */
export type Report = {
  readonly bench: string
  readonly unit: string
  /** The median over the runs. */
  readonly ours: number
  /** The same work without us, measured in the same run: the median too. */
  readonly limit: number
  readonly ratio: number
  readonly p50_ms: number
  readonly p99_ms: number
  /** Ours, run by run. */
  readonly runs: readonly number[]
  readonly [more: string]: unknown
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which this part of all values lies; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** A line for the person who watches; the last line of a bench is for programs. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function print(report: Report): void {
  say(JSON.stringify(report))
}
