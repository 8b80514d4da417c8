import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Thrown when another living process holds the directory. */
export class InUse extends Error {
  override name = 'InUse'
  readonly dir: string
  readonly pid: number
  constructor(dir: string, pid: number) {
    super(`${dir} is in use by process ${pid}: stop it first, or choose another directory`)
    this.dir = dir
    this.pid = pid
  }
}

/**
 * Claims a directory for this process; the returned function gives it back.
 *
 * The claim names the process and the moment it started, so that a claim left by a kill -9 is void even when its number
 * was given to somebody else since.
 */
export function claimDirectory(dir: string): () => void {
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'owner.json')
  const claim = JSON.stringify({ pid: process.pid, started: startOf(process.pid) })
  for (;;) {
    try {
      writeFileSync(file, claim, { flag: 'wx' })
      break
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
      const holder = livingOwner(file)
      if (holder !== undefined) throw new InUse(dir, holder)
      rmSync(file, { force: true })
    }
  }
  let held = true
  return () => {
    if (held) rmSync(file, { force: true }) // once: afterwards the file may be the next owner's
    held = false
  }
}

/** The process that holds the claim, when it still lives. */
function livingOwner(file: string): number | undefined {
  try {
    const { pid, started }: { pid: number; started: string } = JSON.parse(readFileSync(file, 'utf8'))
    return isAlive(pid) && startOf(pid) === started ? pid : undefined
  } catch {
    return undefined // gone meanwhile, or torn by a crash while it was written
  }
}

/** Whether a process with this number exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return isCode(error, 'EPERM')
  }
  return statOf(pid)?.state !== 'Z'
}

/** The command line of a process, words apart by spaces; empty when it cannot be read. */
export function commandLineOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

function startOf(pid: number): string {
  if (process.platform === 'linux') return statOf(pid)?.started ?? ''
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** State and start time of proc_pid_stat(5); the command name before them may itself hold spaces and brackets. */
function statOf(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', started: fields[19] ?? '' }
  } catch {
    return undefined
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
