import { stringify } from 'yaml'
import type { Environment } from './environment.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { ProblemFacts } from './problem.ts'
import { harmless, paint, type Paint } from './render/paint.ts'
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
    const text = outcome.text(canvas)
    env.out(text === '' || text.endsWith('\n') ? text : `${text}\n`)
  } else env.out(encode(outcome.data, format))
  return outcome.exit ?? EXIT.done
}

/** One item of a stream: a line of JSON, or a document of YAML, so that a reader sees each as it comes. */
export function printItem(item: Outcome, format: Format, canvas: Canvas, env: Environment): void {
  if (format === 'table') env.out(`${item.text(canvas)}\n`)
  else env.out(format === 'json' ? `${JSON.stringify(item.data)}\n` : `---\n${stringify(item.data)}`)
}

/**
 * Prints why nothing came of it: on stderr for a person; with -o json or yaml as the one object on stdout, where the
 * program that asked for it is reading.
 */
export function printProblem(facts: ProblemFacts, format: Format, env: Environment, contextFlag = ''): ExitCode {
  const { reason, message, next, metadata, exitCode } = facts
  if (format === 'table') {
    const to = paint(env.colours)
    // Some of it is another platform's words.
    const sign = exitCode === EXIT.doneWithOpenItems ? to.warn('queued') : to.bad('error')
    env.err(`${sign} ${harmless(message)} ${to.dim(`(${harmless(reason)})`)}\n`)
    if (next) env.err(`${to.dim('next')}  ${pasting(contextFlag)(harmless(next))}\n`)
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

function encode(data: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(data, null, 2)}\n` : stringify(data)
}

export function canvasFor(env: Environment, now: Date, contextFlag: string): Canvas {
  return { now, to: paint(env.colours), width: env.columns, paste: pasting(contextFlag) }
}
