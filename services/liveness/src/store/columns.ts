import { sql, type RawBuilder } from 'kysely'
import type { Freshness } from '../freshness.ts'
import type { FreshnessRow } from './tables.ts'

type PgType = 'uuid' | 'integer' | 'bigint' | 'double precision' | 'timestamptz' | 'bytea' | 'text'

/** Every column of `freshness` and its type: what is selected, read and written in bulk. The compiler demands a row per field. */
const TYPES: Readonly<Record<keyof Freshness, PgType>> = {
  peerId: 'uuid',
  staleAfterMs: 'integer',
  lastHeardAt: 'timestamptz',
  epoch: 'bigint',
  rememberedEpoch: 'bigint',
  incarnation: 'bytea',
  pastIncarnations: 'bytea',
  sequence: 'bigint',
  lastNonce: 'bytea',
  descriptionSha256: 'bytea',
  trustBundleSequence: 'bigint',
  restoredAt: 'timestamptz',
  shownBookmark: 'bytea',
  givenBookmark: 'bytea',
  lastHeardByThemAt: 'timestamptz',
  sentNonces: 'bytea',
  unplacedEcho: 'bytea',
  heldBookmark: 'bytea',
  stateThere: 'text',
  versionStatusThere: 'text',
  clockOffsetMs: 'double precision',
  roundTripMs: 'double precision',
  nextBeatAt: 'timestamptz',
  consecutiveFailures: 'integer',
  lastError: 'text',
  lastErrorAt: 'timestamptz',
  announced: 'text',
  announcedAt: 'timestamptz',
  silentAt: 'timestamptz',
  bundleAnnouncedSequence: 'bigint',
  bundleAnnouncedAt: 'timestamptz',
}

const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const COLUMNS = Object.entries(TYPES).map(([key, type]) => ({
  key: key as keyof Freshness, // the keys of the table above
  name: snake(key) as keyof FreshnessRow, // the inverse of SnakeOf, which the compiler cannot follow
  type,
}))

/**
 * The select list.
 *
 * 64-bit integers as text: peers choose some of them, and one that no JavaScript number holds must not make its row,
 * and with it the batch of everybody else, unreadable.
 */
export const FRESHNESS = sql.raw(
  COLUMNS.map(({ name, type }) => `freshness.${name}${type === 'bigint' ? `::text as ${name}` : ''}`).join(', '),
)

/** One row as it was read and as it is to be. */
export type Change = { readonly before: Freshness; readonly after: Freshness }

/**
 * What has to be written for these rows: the key, and every column that differs in at least one of them.
 *
 * A beat changes a handful of the columns, and sending the others would cost more than all else. Values that stay MUST
 * be the very same objects, which they are as long as nouns copy what they do not change.
 */
export function difference(changes: readonly Change[]): {
  readonly names: readonly string[]
  readonly arrays: RawBuilder<unknown>
} {
  const columns = COLUMNS.filter(
    ({ key }) => key === 'peerId' || changes.some(({ before, after }) => before[key] !== after[key]),
  )
  const array = ({ key, type }: (typeof COLUMNS)[number]) =>
    sql`${changes.map(({ after }) => toParameter(after[key]))}::${sql.raw(type)}[]`
  return { names: columns.map(({ name }) => name), arrays: sql.join(columns.map(array)) }
}

export function fromRow(row: FreshnessRow): Freshness {
  const entries = COLUMNS.map(({ key, name, type }) => {
    const value = row[name]
    return [key, type === 'bigint' && value !== null ? BigInt(value as string) : value]
  })
  return Object.fromEntries(entries) as Freshness // column by column, by TYPES
}

function toParameter(value: Freshness[keyof Freshness]): string | number | Buffer | null {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'bigint' ? value.toString() : value
}
