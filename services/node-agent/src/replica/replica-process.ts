import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@powernode/clock'
import { dataOf, pathIn, type ReplicaHome } from './replica-home.ts'

/** A Postgres that runs on a copy. */
export type ReplicaProcess = {
  readonly pid: number
  readonly isRunning: boolean
  /** Resolves, never rejects, when it has ended. */
  readonly exited: Promise<void>
  /** Has it read its settings again. */
  reload(): void
  /** Sessions are ended, and it shuts down in order. */
  stop(): Promise<void>
}

const STARTS_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 20
const ENDS_WITHIN_MS = 20_000

/** Starts Postgres on the copy, and returns when it answers: a standby as soon as what it replayed hangs together. */
export async function startReplica(home: ReplicaHome, clock: Clock, signal: AbortSignal): Promise<ReplicaProcess> {
  const data = dataOf(home)
  const command = [
    ...home.prefix,
    join(home.binDir, 'postgres'),
    '-D',
    data,
    '-c',
    `config_file=${pathIn(home, 'replica.conf')}`,
  ]
  const [file = '', ...args] = command
  const logFile = pathIn(home, 'replica.log')
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(file, args, { env: ENV, cwd: '/', detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let ended = false
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  }).then(() => void (ended = true))
  const pid = child.pid ?? 0
  const tell = (name: NodeJS.Signals) => void (ended || child.kill(name))
  const stop = async () => {
    tell('SIGINT')
    const waiting = new AbortController()
    const patience = clock.sleep(ENDS_WITHIN_MS, waiting.signal).then(() => {
      if (!waiting.signal.aborted) tell('SIGKILL')
    })
    await exited
    waiting.abort()
    await patience
  }
  for (let waitedMs = 0; waitedMs < STARTS_WITHIN_MS && !ended && !signal.aborted; waitedMs += LOOK_EVERY_MS) {
    if (isReady(data, pid)) {
      const reload = () => tell('SIGHUP')
      return {
        pid,
        exited,
        reload,
        stop,
        get isRunning() {
          return !ended
        },
      }
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
  await stop()
  signal.throwIfAborted()
  throw new Error(`the replica's Postgres did not start: ${lastWords(logFile)}`)
}

/** The postmaster writes its state into the eighth line of its lock file, as pg_ctl reads it (miscadmin.h). */
function isReady(data: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return lines[0]?.trim() === String(pid) && lines[7]?.trim() === 'ready'
  } catch {
    return false // not written yet
  }
}

export function lastWords(logFile: string, lines = 3): string {
  try {
    return readFileSync(logFile, 'utf8').trim().split('\n').slice(-lines).join(' | ')
  } catch {
    return `${logFile} cannot be read`
  }
}

const ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
