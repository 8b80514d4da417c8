import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, startOf, type ProcessName } from '@powernode/process'

export { commandLineOf, isAlive } from '@powernode/process'

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
    const owner: ProcessName = JSON.parse(readFileSync(file, 'utf8'))
    return isRunning(owner) ? owner.pid : undefined
  } catch {
    return undefined // gone meanwhile, or torn by a crash while it was written
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
