import pg from 'pg'

/** The types by the numbers Postgres knows them by (pg_type.oid). */
const INT8: number = pg.types.builtins.INT8
const DATE: number = pg.types.builtins.DATE
const TIMESTAMP: number = pg.types.builtins.TIMESTAMP
const TIMESTAMPTZ: number = pg.types.builtins.TIMESTAMPTZ
/** Of these pg's list of types has no name. */
const INT8_ARRAY: number = 1016
const DATE_ARRAY: number = 1182

/** Values of these types are too easily misread: a date has no zone, and JavaScript's Date has nothing else. */
const AS_TEXT: readonly number[] = [DATE, TIMESTAMP, DATE_ARRAY]

/**
 * How values become JavaScript's: int8 a number (counts, sequences and sizes stay below 2^53; beyond, reading fails),
 * timestamptz a Date, bytea a Buffer, json and jsonb parsed; date, timestamp without zone and numeric stay text.
 */
export const typeParsers: pg.CustomTypesConfig = {
  // pg's own type of this member says `any`: what a parser gives depends on the column.
  getTypeParser: ((oid: number, format?: 'text' | 'binary'): unknown => {
    if (format === 'binary') return pg.types.getTypeParser(oid, 'binary')
    if (oid === INT8) return safeInteger
    if (oid === INT8_ARRAY) return safeIntegers
    if (oid === TIMESTAMPTZ) return finiteDate
    return AS_TEXT.includes(oid) ? String : pg.types.getTypeParser(oid, 'text')
  }) as typeof pg.types.getTypeParser,
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a JavaScript number`)
  return value
}

function safeIntegers(text: string): (number | null)[] {
  const parse: (text: string) => (string | null)[] = pg.types.getTypeParser(INT8_ARRAY, 'text')
  return parse(text).map((item) => (item === null ? null : safeInteger(item)))
}

/** `infinity` is no moment: code that compares or prints dates would go wrong with it far from here. */
function finiteDate(text: string): Date {
  const value: unknown = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text')(text)
  if (value instanceof Date) return value
  throw new RangeError(`${text} is not a moment in time`)
}
