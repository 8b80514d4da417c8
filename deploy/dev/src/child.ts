import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** A process that lives no longer than its launcher. */
export type Child = {
  readonly pid: number
  /** Resolves (never rejects) when the process has ended. */
  readonly exited: Promise<Exit>
  /** Asks it to end, and insists after `graceMs`. */
  stop(): Promise<void>
  /** Ends it at once, without a chance to tidy up. */
  kill(): void
  signal(name: NodeJS.Signals): void
}

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type ChildOptions = {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Standard output and error are appended here. */
  readonly logFile: string
  readonly stopSignal: 'SIGINT' | 'SIGTERM'
  /** What it gets when we are gone: the same, unless a sudden end does it no harm. */
  readonly deathSignal?: 'SIGKILL'
  readonly graceMs?: number
  /** More arguments of setpriv (a user switch); ignored where setpriv is missing. */
  readonly privileges?: readonly string[]
  /** The user switch where setpriv is missing. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/** Whether setpriv of util-linux is here: it arms the parent-death signal and drops privileges. */
export const HAS_SETPRIV =
  process.platform === 'linux' &&
  /util-linux/.test(spawnSync('setpriv', ['--version'], { encoding: 'utf8' }).stdout ?? '')

/**
 * Starts a process that MUST NOT outlive us, however we end.
 *
 * On Linux the kernel signals it when we die (PR_SET_PDEATHSIG, prctl(2)), which holds for kill -9 too. Elsewhere a
 * guardian shell waits for the end of a pipe that only we hold open.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { command, args, env, cwd, logFile, stopSignal, deathSignal = stopSignal, graceMs = 10_000 } = options
  const whenWeDie = ['--pdeathsig', deathSignal.slice('SIG'.length)]
  const [file, ...rest] = HAS_SETPRIV
    ? ['setpriv', ...(options.privileges ?? []), ...whenWeDie, '--', command, ...args]
    : [command, ...args]
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(file ?? command, rest, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(HAS_SETPRIV ? {} : (options.user ?? {})),
    detached: true, // a process group of its own: Ctrl-C reaches the launcher only, which then stops all in order
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: -1, signal: null }))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(new Error(`cannot start ${command}`, { cause })))
  })
  const pid = child.pid ?? 0
  const guardian = HAS_SETPRIV ? undefined : guard(pid, deathSignal)
  void exited.then(() => guardian?.kill('SIGKILL'))

  const ended = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid,
    exited,
    signal: (name) => void (ended() || child.kill(name)),
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      if (!ended()) child.kill(stopSignal)
      const patience = new AbortController()
      const impatient = wait(graceMs, undefined, { signal: patience.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      )
      await exited
      patience.abort()
      await impatient
    },
  }
}

/** Where the kernel has no parent-death signal: a shell that reads our pipe to its end, then signals `pid`. */
function guard(pid: number, signal: string): ChildProcess {
  const script = `while read -r _; do :; done; kill -s ${signal.slice('SIG'.length)} ${pid} 2>/dev/null`
  const guardian = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  guardian.on('error', () => undefined)
  guardian.unref()
  return guardian
}
