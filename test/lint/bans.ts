import type { Place } from './rooms.ts'

/** A word that has one home, and why it is not said elsewhere. */
export type Ban = {
  /** A global name, a member of one (Date.now), `new Date()` without argument, or a module that gives the same. */
  readonly word: string
  readonly allowed: (place: Place, path: string) => boolean
  readonly why: string
}

const isLaboratory = ({ room }: Place): boolean => room === 'test' || room === 'deploy'
const isProcess = ({ owner }: Place): boolean => owner === 'libs/process'
const isClock = ({ owner }: Place): boolean => owner === 'libs/clock'
const isTestFile = (path: string): boolean => path.endsWith('.test.ts')

const CLOCK = (word: string): Ban => ({
  word,
  allowed: (place) => isClock(place) || isLaboratory(place),
  why: 'Time is passed in: a door reads `clock.now()` (@powernode/clock), a verb is given `now`.',
})
const TIMER = (word: string): Ban => ({
  word,
  allowed: (place, path) => !isTestFile(path) && (isClock(place) || isLaboratory(place)),
  why: 'Sleep by `clock.sleep(ms, signal)`, which a test can advance; a test waits on a state, never on time.',
})

export const BANS: readonly Ban[] = [
  CLOCK('Date.now'),
  CLOCK('new Date()'),
  CLOCK('Date()'),
  TIMER('setTimeout'),
  TIMER('setInterval'),
  TIMER('node:timers'),
  TIMER('node:timers/promises'),
  {
    word: 'performance.now',
    allowed: (place) => isProcess(place) || isClock(place) || isLaboratory(place),
    why: 'Elapsed time is `elapsed()` of @powernode/process, the one monotonic clock of logs and metrics.',
  },
  {
    word: 'process.env',
    allowed: (place, path) =>
      ['config', 'main'].includes(place.room) ||
      isProcess(place) ||
      isLaboratory(place) ||
      place.isTest ||
      path === 'services/fedctl/src/environment.ts' ||
      path === 'services/fedctl/fedctl.mjs',
    why: 'config.ts is the only reader of the environment: one typed object that reports everything wrong at once.',
  },
  {
    word: 'process.exit',
    allowed: (place) => isProcess(place) || isLaboratory(place), // libs/process: what was left open may not outlive main
    why: 'Set process.exitCode and return: an exit in the middle cuts off calls, batches and logs that are still under way.',
  },
  {
    word: 'console',
    allowed: (place) => isLaboratory(place),
    why: 'A door logs through @powernode/process (typed fields, secrets redacted); fedctl writes to its output.',
  },
  {
    word: 'Math.random',
    allowed: (place) => isLaboratory(place) || place.isTest,
    why: 'Not fit for ids, tokens or nonces: use node:crypto in a noun that mints, and clock jitter from @powernode/clock.',
  },
]

/** SQL that reads well today and bites later. Looked for in the text of queries and in migrations. */
export const SQL_BANS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  {
    // Rows made of parameters have the columns that were given.
    pattern: /\bselect\s+(\w+\.)?\*(?!\s+from\s+unnest\b)/i,
    why: 'List the columns: SELECT * changes its meaning with the next migration.',
  },
  {
    pattern:
      /\b(now\s*\(\s*\)|current_timestamp|current_date|localtimestamp|(clock|statement|transaction)_timestamp\s*\()/i,
    why: '`now` is a parameter: the database has another clock than the one that tests advance.',
  },
]

/** Endings of names that say nothing of what a thing is. */
export const EMPTY_NAMES = /(Manager|Helper|Helpers|Impl|Util|Utils)$/
export const EMPTY_NAMES_WHY = 'Manager, Helper, Impl and Util say nothing: name it after what it is, or what it does.'
