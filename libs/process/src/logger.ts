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
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: errorForLog },
  }
  return typed(pino(options, stream))
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
