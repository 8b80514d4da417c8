import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * A process, for somebody who comes back to it later: numbers are given out again, so the moment it started belongs to
 * its name.
 */
export type ProcessName = { readonly pid: number; readonly started: string }

/** The name of a running process; undefined when there is none of this number. */
export function processName(pid: number): ProcessName | undefined {
  const started = startOf(pid)
  return started === '' || !isAlive(pid) ? undefined : { pid, started }
}

/** Whether that very process runs, and is not a zombie. */
export const isRunning = ({ pid, started }: ProcessName): boolean => isAlive(pid) && startOf(pid) === started

/** Whether a process with this number exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
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

/** Every other process whose command line holds `text`: what a crash left, and nobody remembers. */
export function processesWith(text: string): readonly number[] {
  return allPids().filter((pid) => pid !== process.pid && commandLineOf(pid).includes(text) && isAlive(pid))
}

function allPids(): number[] {
  const words =
    process.platform === 'linux'
      ? readdirSync('/proc')
      : execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8' }).split('\n')
  return words.flatMap((word) => (/^\s*\d+\s*$/.test(word) ? [Number(word)] : []))
}

/** When a process started, in the system's own words; empty when it cannot be told. */
export function startOf(pid: number): string {
  if (process.platform === 'linux') return statOf(pid)?.started ?? ''
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** State and start time of proc_pid_stat(5); the command name before them may itself hold spaces and brackets. */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', started: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
