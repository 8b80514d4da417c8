import { stringify } from 'yaml'
import type { Environment } from './environment.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { ProblemFacts } from './problem.ts'
import { colouredOnly, harmless, paint, type Paint } from './render/paint.ts'
import { pasting } from './render/paste.ts'

export const FORMATS = ['table', 'json', 'yaml'] as const
export type Format = (typeof FORMATS)[number]

/** How a table is to be drawn: when it is, in which colours, how wide, and how our next command is to be typed. */
export type Canvas = {
  readonly now: Date
  readonly to: Paint
  readonly width: number | undefined
  readonly paste: (text: string) => string
}

/** What a command has to say: once for programs, once for people. */
export type Outcome = {
  readonly data: unknown
  readonly text: (canvas: Canvas) => string
  /** Default: done. */
  readonly exit?: ExitCode
  /** The last of several: printed like those before it. */
  readonly isItem?: boolean
}

/** Prints an outcome: exactly one object on stdout with json and yaml. */
export function print(outcome: Outcome, format: Format, canvas: Canvas, env: Environment): ExitCode {
  if (outcome.isItem) printItem(outcome, format, canvas, env)
  else if (format === 'table') {
    const text = colouredOnly(outcome.text(canvas))
    env.out(text === '' || text.endsWith('\n') ? text : `${text}\n`)
  } else env.out(encode(outcome.data, format))
  return outcome.exit ?? EXIT.done
}

/** One item of a stream: a line of JSON, or a document of YAML, so that a reader sees each as it comes. */
export function printItem(item: Outcome, format: Format, canvas: Canvas, env: Environment): void {
  if (format === 'table') env.out(`${colouredOnly(item.text(canvas))}\n`)
  else env.out(format === 'json' ? `${escaped(JSON.stringify(item.data))}\n` : `---\n${yaml(item.data)}`)
}

/**
 * Prints why nothing came of it: on stderr for a person; with -o json or yaml as the one object on stdout, where the
 * program that asked for it is reading.
 */
export function printProblem(facts: ProblemFacts, format: Format, env: Environment, contextFlag = ''): ExitCode {
  const { reason, message, next, metadata, exitCode } = facts
  if (format === 'table') {
    const to = paint(env.colours)
    // Some of it is another platform's words: a line that it begins MUST NOT look like one of ours.
    const sign = exitCode === EXIT.doneWithOpenItems ? to.warn('queued') : to.bad('error')
    env.err(`${sign} ${hanging(message)} ${to.dim(`(${harmless(reason)})`)}\n`)
    if (next) env.err(`${to.dim('next')}  ${pasting(contextFlag)(hanging(next))}\n`)
  } else {
    env.out(
      encode(
        { error: { reason, message, ...(next && { next }), metadata: metadata ?? {}, exit_code: exitCode } },
        format,
      ),
    )
  }
  return exitCode
}

const hanging = (text: string): string => harmless(text).replaceAll('\n', '\n       ')

function encode(data: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${escaped(JSON.stringify(data, null, 2))}\n` : yaml(data)
}

/**
 * Controls that JSON may hold as they are (C1, which some terminals obey like escape sequences, and what turns the direction of a
 * line), by their numbers: the same text to a program, and nothing to a terminal.
 */
const escaped = (json: string): string =>
  json.replaceAll(OBEYED, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
const OBEYED = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** As it reads best; with texts that a terminal would obey every one in quotes, since only there YAML has numbers for signs. */
function yaml(data: unknown): string {
  const text = stringify(data)
  if (text.search(OBEYED) < 0) return text
  return escaped(stringify(data, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'QUOTE_DOUBLE', lineWidth: 0 }))
}

export function canvasFor(env: Environment, now: Date, contextFlag: string): Canvas {
  return { now, to: paint(env.colours), width: env.columns, paste: pasting(contextFlag) }
}
