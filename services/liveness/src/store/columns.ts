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
  ledgerSize: 'bigint',
  ledgerRoot: 'bytea',
  restoredAt: 'timestamptz',
  lastHeardByThemAt: 'timestamptz',
  sentNonces: 'bytea',
  stateThere: 'text',
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

/** `name = v.name` for every column but the key: the set list of a bulk update. */
export const SET_FROM_V = sql.raw(
  COLUMNS.filter(({ key }) => key !== 'peerId')
    .map(({ name }) => `${name} = v.${name}`)
    .join(', '),
)

/** The same as columns of an alias: `v (peer_id, …)`. */
export const V = sql.raw(`v (${COLUMNS.map(({ name }) => name).join(', ')})`)

/** Rows as one array parameter a column, so that a statement has the same text, and is prepared, for any number of rows. */
export function arrays(rows: readonly Freshness[]): RawBuilder<unknown> {
  return sql.join(COLUMNS.map(({ key, type }) => sql`${rows.map((row) => toParameter(row[key]))}::${sql.raw(type)}[]`))
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
