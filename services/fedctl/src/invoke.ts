import type { Clock } from '@powernode/clock'
import type { Command } from '@commander-js/extra-typings'
import { findContext } from './context.ts'
import type { Environment } from './environment.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { canvasFor, print, printItem, type Format, type Outcome } from './output.ts'
import { followTrust } from './own-identity.ts'
import { Problem } from './problem.ts'
import { progressBar } from './progress.ts'
import type { Alone, Session } from './session.ts'

/** What a run of fedctl is given, and where it leaves its exit code. */
export type Invocation = {
  readonly env: Environment
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Opens connections to a platform; they are closed when the command ends. */
  readonly connect: typeof import('./client.ts').connect
  exit: ExitCode
}

/** Options that every command has, wherever on the line they stand. */
export type GlobalOptions = { readonly context?: string; readonly output?: Format; readonly yes?: boolean }

export type Run = ReturnType<typeof runs>
export type RunAlone = ReturnType<typeof runsAlone>

type Work<Given, Args extends unknown[]> = (given: Given, ...args: Args) => Promise<Outcome | undefined>

/** For what needs no platform: no context is looked for, no key read, nothing connected to. */
export function runsAlone(invocation: Invocation) {
  return <Args extends unknown[]>(work: Work<Alone, Args>) =>
    async (...args: Args): Promise<void> => {
      const { context: flag = '', ...globals } = globalOptions(args)
      const { alone, finish } = aloneIn(invocation, { flag, ...globals })
      finish(await work(alone, ...args))
    }
}

/** Turns what a command does into what commander calls: context in, outcome printed, connections closed. */
export function runs(invocation: Invocation) {
  return <Args extends unknown[]>(work: Work<Session, Args>) =>
    async (...args: Args): Promise<void> => {
      const { env, clock, signal } = invocation
      const { context: flag, ...globals } = globalOptions(args)
      const context = findContext(flag, env)
      const clients = invocation.connect(context, clock)
      const { alone, finish } = aloneIn(invocation, { flag: context.flag, ...globals })
      const session: Session = { context, clients, ...alone }
      const hangUp = () => clients.close()
      signal.addEventListener('abort', hangUp, { once: true })
      const trust = followTrust(context, clients, clock)
      try {
        finish(await work(session, ...args))
      } finally {
        await trust.finish()
        signal.removeEventListener('abort', hangUp)
        clients.close()
      }
    }
}

type Around = Omit<GlobalOptions, 'context'> & { readonly flag: string }

/** What every command is given, and how its outcome is printed. */
function aloneIn(invocation: Invocation, { flag, output = 'table', yes = false }: Around) {
  const { env, clock, signal } = invocation
  const canvas = () => canvasFor(env, clock.now(), flag)
  const columns = output === 'table' ? env.progressColumns : undefined
  const alone: Alone = {
    clock,
    env,
    signal,
    confirm: (question) => confirm(question, yes, env),
    emit: (item) => printItem(item, output, canvas(), env),
    progress: (what) => progressBar({ what, columns, clock, write: env.err }),
  }
  const finish = (outcome: Outcome | undefined) => {
    if (outcome) invocation.exit = print(outcome, output, canvas(), env)
  }
  return { alone, finish }
}

function globalOptions(args: readonly unknown[]): GlobalOptions {
  const command = args.at(-1) as Command // commander passes the command last
  return command.optsWithGlobals()
}

/** Only a person can be asked: a script that calls us has decided already. */
async function confirm(question: string, yes: boolean, env: Environment): Promise<void> {
  if (yes || !env.canAsk) return
  const answer = await env.ask(`${question} [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return
  throw new Problem({ reason: 'DECLINED', message: 'nothing was changed', exitCode: EXIT.usage })
}
