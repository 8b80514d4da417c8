import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import type { Clock } from '@powernode/clock'
import { isAlive, processesWith } from '@powernode/process'
import { beginConsole } from './console.ts'

export type Launch = {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Its output is appended here. */
  readonly console: string
}

const GRACE_MS = 20_000
const LOOK_MS = 50

/** Starts a process that outlives this one, in a session of its own. Its input is empty and its output a file. */
export async function launch({ command, args, env, console }: Launch): Promise<void> {
  beginConsole(console)
  const output = openSync(console, 'a', 0o600)
  try {
    const child = spawn(command, args, { env, cwd: '/', detached: true, stdio: ['ignore', output, output] })
    await once(child, 'spawn') // rejects with 'error' when it cannot be started
    child.unref()
  } catch (cause) {
    throw new Error(`cannot start ${command}`, { cause })
  } finally {
    closeSync(output)
  }
}

/**
 * Ends every process whose command line holds `mark`, politely and then the hard way, and returns when none is left.
 *
 * Asked of the process table and not of a note of ours: a crash between starting something and noting it leaves nothing
 * that this would not find.
 */
export async function endAll(mark: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const until = clock.now().getTime() + GRACE_MS
  const asked = new Set<number>()
  for (;;) {
    const left = processesWith(mark)
    if (left.length === 0) return
    signal.throwIfAborted()
    const impatient = clock.now().getTime() > until
    for (const pid of left) {
      if (!impatient && asked.has(pid)) continue // a second SIGTERM would be obeyed at once, and nothing put in order
      asked.add(pid)
      send(pid, impatient ? 'SIGKILL' : 'SIGTERM')
    }
    await clock.sleep(LOOK_MS, signal)
  }
}

/** Signals a process that may have ended meanwhile. */
export function send(pid: number, name: NodeJS.Signals): void {
  try {
    if (isAlive(pid)) process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
