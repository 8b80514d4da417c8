import { pino } from 'pino'
import { errorForLog } from './error-for-log.ts'
import type { LogFields } from './log-fields.ts'

type Write = (fields: LogFields, message: string) => void

/** Writes one JSON line per happening. Held by doors and loops only: operations and nouns return or throw. */
export type Logger = {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  readonly fatal: Write
  /** A logger whose every line carries `fields` too. */
  readonly child: (fields: LogFields) => Logger
}

export type LoggerOptions = {
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** Where lines go instead of standard error. */
  readonly destination?: { write(line: string): void }
}

const STDERR = 2

/**
 * Opens the log of a service: JSON lines on standard error, `time` in ISO 8601, `level` as a word.
 *
 * Written synchronously, because the line that matters most is the last one before a crash.
 */
export function createLogger(service: string, { level = 'info', destination }: LoggerOptions = {}): Logger {
  const stream = destination ?? pino.destination({ dest: STDERR, sync: true })
  const options = {
    level,
    base: { service },
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: errorForLog },
  }
  return typed(pino(options, stream))
}

/** The time as pino wants it in its lines. Of all lines of a millisecond it is written out once. */
let [writtenMs, written] = [-1, '']
function timestamp(): string {
  const nowMs = Date.now() // oxlint-disable-line mesh/words -- as pino itself: a line says when it was written, whatever clock the code goes by
  if (nowMs === writtenMs) return written
  written = `,"time":"${new Date(nowMs).toISOString()}"`
  writtenMs = nowMs
  return written
}

function typed(log: pino.Logger): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    fatal: (fields, message) => log.fatal(fields, message),
    child: (fields) => typed(log.child(fields)),
  }
}
