import { InvalidArgumentError } from 'commander'
import { usage } from './problem.ts'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** 90s, 15m, 1h30m, 7d → milliseconds. */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new InvalidArgumentError('A duration looks like 90s, 15m, 1h30m or 7d.')
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}

export const WAIT_DEFAULT_MS = 60_000

/** The value of --wait: a duration, or the default when none is given. */
export const waitMs = (text: string): number => (text === '' ? WAIT_DEFAULT_MS : durationMs(text))

/** A moment: 2026-11-21T14:00:00Z, or how long ago: 15m. */
export function since(text: string, now: Date): Date {
  if (/^[\d.]+(ms|s|m|h|d)/.test(text)) return new Date(now.getTime() - durationMs(text))
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw usage(`"${text}" is neither a time (2026-11-21T14:00:00Z) nor an age (15m)`)
  return at
}

export function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** A share of all: 0.3 or 30%. */
export function share(text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('A share looks like 0.3 or 30%.')
  return percent ? Number(number) / 100 : Number(number)
}

/** A number as the contract counts revisions. */
export const wholeNumber = (text: string): bigint => BigInt(whole(text))

export type Pairs = Readonly<Record<string, unknown>>

/** key=value, any number of times; JSON values keep their type. */
export function pairs(text: string, before: Pairs = {}): Record<string, unknown> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be key=value.')
  return { ...before, [key]: jsonOr(value) }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text // a plain word is meant as it stands
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** One or several values of an option, by commas or by repeating it: --scope read,write --scope admin. */
export function listed(text: string, before: readonly string[] = []): string[] {
  const values = text.split(',').map((value) => value.trim())
  if (values.includes('')) throw new InvalidArgumentError('There is an empty value between commas.')
  return [...before, ...values]
}

/** The same, each one of the words there are. */
export const listedOf =
  (choices: readonly string[]) =>
  (text: string, before: readonly string[] = []): string[] => {
    const values = listed(text, before)
    const stranger = values.find((value) => !choices.includes(value))
    if (stranger === undefined) return values
    throw new InvalidArgumentError(`"${stranger}" is none of ${choices.join(', ')}.`)
  }

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function uuid(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('It must be a uuid, in small letters.')
  return text
}

/** Small letters, digits and hyphens: what members are called. */
export function label(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new InvalidArgumentError('It must be small letters, digits and hyphens, at most 63.')
  return text
}

/** A version, or its beginning: 2, 2.1, 2.1.3. */
export function version(text: string): string {
  if (!/^\d{1,5}(\.\d{1,5}){0,2}$/.test(text)) throw new InvalidArgumentError('A version looks like 2, 2.1 or 2.1.3.')
  return text
}

/** A version that a platform can be of: 2.1 or 2.1.3. */
export function wholeVersion(text: string): string {
  if (!/^\d{1,5}(\.\d{1,5}){1,2}$/.test(text)) throw new InvalidArgumentError('It must be like 2.1 or 2.1.3.')
  return text
}

/** Tags, by commas. */
export function tags(text: string, before: readonly string[] = []): string[] {
  const values = listed(text, before)
  const wrong = values.find((value) => !/^[a-z0-9][a-z0-9_-]{0,62}$/.test(value))
  if (wrong === undefined) return values
  throw new InvalidArgumentError(`"${wrong}" is no tag: small letters, digits, hyphens and underscores.`)
}

export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text]

/**
 * Gives a bare --wait its value, so that the word after it stays what it is.
 *
 * `--wait b` waits for peer b; `--wait 30s` and `--wait=30s` both mean half a minute.
 */
export function spellOutWait(argv: readonly string[]): string[] {
  const words: string[] = []
  for (const word of argv) {
    if (words.at(-1) === '--wait=' && /^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(word)) words.splice(-1, 1, `--wait=${word}`)
    else words.push(word === '--wait' ? '--wait=' : word)
  }
  return words.map((word) => (word === '--wait=' ? `--wait=${WAIT_DEFAULT_MS}ms` : word))
}

/** 17, or 17-20: places in a log. */
export function sequences(text: string): bigint[] {
  const [, first, last = first] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? []
  if (first === undefined || last === undefined) throw usage(`"${text}" is no place in a log`, '17, or a range 17-20')
  const count = Number(last) - Number(first) + 1
  if (count < 1 || count > 1_000) throw usage(`"${text}" is no range of at most 1000 entries`)
  return Array.from({ length: count }, (_, at) => BigInt(first) + BigInt(at))
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  TiB: 2 ** 40,
}

/** 512MiB, 8GiB → bytes. */
export function bytes(text: string): bigint {
  const [, count, unit] = /^(\d{1,12})(KiB|MiB|GiB|TiB)?$/.exec(text) ?? []
  if (count === undefined) throw new InvalidArgumentError('A size looks like 512MiB or 8GiB.')
  return BigInt(count) * BigInt(SIZE_UNITS[unit ?? ''] ?? 1)
}
