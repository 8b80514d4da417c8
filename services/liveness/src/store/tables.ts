import type { Freshness } from '../freshness.ts'

/** `created_at` in SQL is `createdAt` in TypeScript: the mapping, with its types. */
type SnakeOf<Text extends string> = Text extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeOf<Tail>}`
  : Text

/** A row as it is read: 64-bit integers come as text (columns.ts says why). */
export type FreshnessRow = {
  [Key in keyof Freshness as SnakeOf<Key>]: bigint extends Freshness[Key]
    ? Exclude<Freshness[Key], bigint> | string
    : Freshness[Key]
}

/** Every table of the schema that is read through Kysely; the statements about the others name their columns themselves. */
export type Tables = {
  freshness: FreshnessRow
  platform: {
    one: boolean
    epoch: number
    incarnation: Buffer
    started_at: Date
    restored_at: Date | null
  }
}
