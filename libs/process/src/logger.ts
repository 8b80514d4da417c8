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

/** In the order of their weight; a line is written when its level weighs as much as the one asked for. */
const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * Opens the log of a service: JSON lines on standard error, `time` in ISO 8601, `level` as a word.
 *
 * Written synchronously, because the line that matters most is the last one before a crash. And made in one piece by
 * V8's own JSON, since every call of every service has one: field by field, as pino does it, takes three times as long.
 */
export function createLogger(service: string, { level = 'info', destination }: LoggerOptions = {}): Logger {
  const stream = destination ?? pino.destination({ dest: STDERR, sync: true })
  return loggerOn(stream, LEVELS.indexOf(level), membersOf({ service }))
}

function loggerOn(stream: Required<LoggerOptions>['destination'], least: number, base: string): Logger {
  const at = (level: (typeof LEVELS)[number]): Write => {
    if (LEVELS.indexOf(level) < least) return () => {}
    const begin = `{"level":"${level}"`
    return (fields, message) => {
      stream.write(`${begin}${timestamp()}${base}${membersOf(sayable(fields))},"msg":${JSON.stringify(message)}}\n`)
    }
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => loggerOn(stream, least, base + membersOf(sayable(fields))),
  }
}

function sayable(fields: LogFields): object {
  return fields.error === undefined ? fields : { ...fields, error: errorForLog(fields.error) }
}

/** The members of an object as they stand behind others in a line; nothing of those that are undefined. */
function membersOf(fields: object): string {
  const text = JSON.stringify(fields)
  return text === '{}' ? '' : `,${text.slice(1, -1)}`
}

/** The time as it stands in lines. Of all lines of a millisecond it is written out once. */
let [writtenMs, written] = [-1, '']
function timestamp(): string {
  const nowMs = Date.now() // oxlint-disable-line mesh/words -- a line says when it was written, whatever clock the code goes by
  if (nowMs === writtenMs) return written
  written = `,"time":"${new Date(nowMs).toISOString()}"`
  writtenMs = nowMs
  return written
}
