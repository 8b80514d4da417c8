import { Refusal } from '@powernode/rpc'

/** `created_at` in SQL is `createdAt` in TypeScript: the mapping, once, with its types. */
type SnakeOf<Text extends string> = Text extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeOf<Tail>}`
  : Text

/** The row of a domain type: same values, column names. */
export type RowOf<Noun> = { [Key in keyof Noun & string as SnakeOf<Key>]: Noun[Key] }

export function fromRow<Noun>(row: RowOf<Noun>): Noun {
  const noun = Object.entries(row).map(([key, value]) => [camel(key), value])
  return Object.fromEntries(noun) as Noun // the inverse of SnakeOf, which the compiler cannot follow
}

/** Column values for a statement: lists and objects go as JSON text, because our list columns are all jsonb. */
export function toRow<Noun extends object>(noun: Noun): RowOf<Noun> {
  const row = Object.entries(noun).map(([key, value]) => [snake(key), isJson(value) ? jsonOf(value) : textOf(value)])
  return Object.fromEntries(row) as RowOf<Noun> // as above
}

/** Postgres stores every character of Unicode but this one; whoever sends it is refused, not met with a fault. */
const NUL = '\u0000'

function textOf(value: unknown): unknown {
  if (typeof value === 'string' && value.includes(NUL))
    throw new Refusal('REQUEST_INVALID', 'a text holds the character U+0000, which cannot be stored')
  return value
}

const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => {
    textOf(key)
    return textOf(part)
  })

const isJson = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)

/** Columns are few and rows are many: a name is spelt anew once. MUST be asked for names of columns alone. */
function remembered(spell: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    const spelt = known.get(name) ?? spell(name)
    known.set(name, spelt)
    return spelt
  }
}

const camel = remembered((key) => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
const snake = remembered((key) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
