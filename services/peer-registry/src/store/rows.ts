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
  const row = Object.entries(noun).map(([key, value]) => [snake(key), isJson(value) ? JSON.stringify(value) : value])
  return Object.fromEntries(row) as RowOf<Noun> // as above
}

const isJson = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)

const camel = (key: string): string => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
