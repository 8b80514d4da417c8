import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isCode } from '@powernode/dev/owner'
import { removePostgres, startPostgres, type Postgres } from '@powernode/dev/postgres'
import { storageDir } from '../directories.ts'

/**
 * A Postgres of a test's own that flushes what it answers for, and can be killed at any moment. What processes lose by their
 * end is the same on a disk and in memory, and recovery begins with flushing every file of all its databases.
 */
export type CrashingPostgres = {
  /** The superuser's; the same after each crash. */
  readonly url: string
  /** How often it was killed while it ran. */
  readonly crashes: () => number
  /**
   * Kill -9 of every one of its processes, now: what was not flushed is gone. It is started again at once, and recovers
   * from its log. False: it was down already.
   */
  readonly crash: () => boolean
  /** Resolves when it runs. */
  readonly up: () => Promise<void>
  readonly stop: () => Promise<void>
}

const NEVER = new AbortController().signal

export async function crashingPostgres(): Promise<CrashingPostgres> {
  const base = mkdtempSync(join(storageDir(), 'powernode-test-crashing-'))
  const dir = join(base, 'postgres')
  // Small, so that it starts quickly; and a crash is to find its work in the log, not in a checkpoint. It is the server that
  // dies, and not the machine: what was handed to the system is there again.
  const settings = { shared_buffers: '16MB', restart_after_crash: 'off', checkpoint_timeout: '1h', fsync: 'off' }
  let server: Postgres | undefined = await startPostgres({ dir, settings }, NEVER)
  const { url, port } = server
  let starting = Promise.resolve()
  let crashes = 0

  const startAgain = async (dead: Postgres) => {
    await dead.stop()
    server = await startPostgres({ dir, port, settings }, NEVER)
  }
  return {
    url,
    crashes: () => crashes,
    crash() {
      if (!server) return false
      crashes++
      const dead = server
      server = undefined
      killAll(dead.pid)
      starting = startAgain(dead)
      return true
    },
    up: () => starting,
    async stop() {
      await starting
      await server?.stop()
      removePostgres(dir)
      rmSync(base, { recursive: true, force: true })
    },
  }
}

/** A postmaster and its children, each of which leads a session of its own: a signal to the group would miss them. */
function killAll(postmaster: number): void {
  process.kill(postmaster, 'SIGSTOP') // has no more children from now on
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  for (const pid of [postmaster, ...children.filter(Boolean).map(Number)]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (!isCode(error, 'ESRCH')) throw error // ended by itself meanwhile
    }
  }
}
