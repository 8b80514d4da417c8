import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'

/** All that fedctl learns from the machine it runs on, and all it may do to it. Tests give their own. */
export type Environment = {
  readonly cwd: string
  readonly home: string
  /** FEDCTL_CONTEXT: the platform to talk to when --context does not say. */
  readonly context: string | undefined
  /** FEDCTL_GRANT: the bearer to show to a peer, kept off the command line and out of its history. */
  readonly grant?: string | undefined
  /** Whether output goes to a person's terminal that shows colours (https://no-color.org). */
  readonly colours: boolean
  /** Width of that terminal; undefined when the output is read by a program. */
  readonly columns: number | undefined
  /** Width of the terminal that somebody waits at; undefined when nobody sees a bar move. */
  readonly progressColumns?: number | undefined
  readonly canAsk: boolean
  out(text: string): void
  err(text: string): void
  /** Everything on stdin, for secrets that should not stand on a command line. */
  readInput(): string
  ask(question: string): Promise<string>
}

/** The one place in fedctl that reads the process it runs in. */
export function systemEnvironment(): Environment {
  const { env, stdin, stdout, stderr } = process
  const forced = Number(env['FORCE_COLOR'] ?? 0) > 0
  return {
    cwd: process.cwd(),
    home: env['XDG_CONFIG_HOME'] ?? `${env['HOME'] ?? ''}/.config`,
    context: env['FEDCTL_CONTEXT'] || undefined,
    grant: env['FEDCTL_GRANT'] || undefined,
    colours: !env['NO_COLOR'] && env['TERM'] !== 'dumb' && (forced || stdout.isTTY === true),
    columns: stdout.isTTY ? stdout.columns : undefined,
    progressColumns: stdout.isTTY && stderr.isTTY && env['TERM'] !== 'dumb' ? stderr.columns : undefined,
    canAsk: stdin.isTTY === true && stdout.isTTY === true,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    readInput: () => readFileSync(0, 'utf8'),
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
  }
}
