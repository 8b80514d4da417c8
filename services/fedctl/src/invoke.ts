import type { Clock } from '@powernode/clock'
import type { Command } from '@commander-js/extra-typings'
import { findContext } from './context.ts'
import type { Environment } from './environment.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { canvasFor, print, printItem, type Format, type Outcome } from './output.ts'
import { followTrust } from './own-identity.ts'
import { Problem } from './problem.ts'
import type { Session } from './session.ts'

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

type Work<Args extends unknown[]> = (session: Session, ...args: Args) => Promise<Outcome | undefined>

/** Turns what a command does into what commander calls: context in, outcome printed, connections closed. */
export function runs(invocation: Invocation) {
  return <Args extends unknown[]>(work: Work<Args>) =>
    async (...args: Args): Promise<void> => {
      const { env, clock, signal } = invocation
      const { context: flag, output = 'table', yes = false } = globalOptions(args)
      const context = findContext(flag, env)
      const clients = invocation.connect(context, clock)
      const canvas = () => canvasFor(env, clock.now(), context.flag)
      const session: Session = {
        context,
        clients,
        clock,
        env,
        signal,
        confirm: (question) => confirm(question, yes, env),
        emit: (item) => printItem(item, output, canvas(), env),
      }
      const hangUp = () => clients.close()
      signal.addEventListener('abort', hangUp, { once: true })
      const trust = followTrust(context, clients, clock)
      try {
        const outcome = await work(session, ...args)
        if (outcome) invocation.exit = print(outcome, output, canvas(), env)
      } finally {
        await trust.finish()
        signal.removeEventListener('abort', hangUp)
        clients.close()
      }
    }
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
