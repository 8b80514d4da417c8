import { CommanderError, Help } from 'commander'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Clock } from '@powernode/clock'
import { advised } from './advice.ts'
import { connect } from './client.ts'
import { walk } from './complete.ts'
import type { Environment } from './environment.ts'
import { exampleText, pathOf } from './examples/examples.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Invocation } from './invoke.ts'
import { FORMATS, printProblem, type Format } from './output.ts'
import { factsOf } from './problem.ts'
import { fedctlProgram } from './program.ts'
import { spellOutWait } from './values.ts'

export type FedctlOptions = {
  readonly env: Environment
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly connect?: typeof connect
}

/** One run of fedctl: words in, exit code out. */
export async function fedctl(argv: readonly string[], options: FedctlOptions): Promise<ExitCode> {
  const invocation: Invocation = { connect, ...options, exit: EXIT.done }
  const { env } = options
  const program = fedctlProgram(invocation)
  prepare(program, env, formatOf(argv) === 'table')
  try {
    await program.parseAsync(spellOutWait(argv), { from: 'user' })
    return invocation.exit
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
    if (error instanceof CommanderError && formatOf(argv) === 'table') return EXIT.usage // commander has said why
    const facts = advised(factsOf(error), error, pathOf(walk(program, argv).command))
    return printProblem(facts, formatOf(argv), env, program.opts().context)
  }
}

/** Every command reports to us instead of ending the process, and says how it is used when it was used wrongly. */
function prepare(command: CommandUnknownOpts, env: Environment, isForPeople: boolean): void {
  command.exitOverride()
  command.configureHelp({
    showGlobalOptions: true,
    optionDescription: (option) => withOneDefault(new Help().optionDescription(option)),
    argumentDescription: (argument) => withOneDefault(new Help().argumentDescription(argument)),
  })
  command.configureOutput({
    writeOut: (text) => env.out(text),
    writeErr: (text) => {
      if (isForPeople) env.err(text)
    },
  })
  command.addHelpText('after', () => exampleText(command))
  if (isForPeople) command.showHelpAfterError('(--help says how it is used)')
  for (const sub of command.commands) prepare(sub, env, isForPeople)
}

/** Nothing is no default worth a word, and where the sentence says what holds, commander need not say it again. */
function withOneDefault(described: string): string {
  const said = described.replace(/,? ?\(?default: (""|\{\}|\[\]|null)\)?$/, '')
  const own = said.indexOf('(default')
  const again = said.lastIndexOf('(default: ')
  return again > own ? said.slice(0, again).trimEnd() : said
}

/** The format asked for, read before the line is parsed: an error in parsing is answered in it too. */
function formatOf(argv: readonly string[]): Format {
  const at = argv.findIndex((word) => /^(-o|--output)/.test(word))
  if (at < 0 && argv.includes('--json')) return 'json'
  const said = argv[at]?.replace(/^(--output=?|-o=?)/, '') || argv[at + 1]
  return FORMATS.find((format) => format === said && at >= 0) ?? 'table'
}
