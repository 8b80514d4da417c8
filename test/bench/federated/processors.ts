import { readdirSync, readFileSync } from 'node:fs'

/** /proc counts in hundredths of a second. */
const MICROS_PER_TICK = 10_000
const [PARENT, USER, SYSTEM, USER_OF_GONE, SYSTEM_OF_GONE] = [1, 11, 12, 13, 14]

/** How much of the processors a process and its children have used so far, in microseconds; 0 where there is no /proc. */
export function familyCpuMicros(pid: number): number {
  return statsOfAll()
    .filter(({ own, fields }) => own === pid || Number(fields[PARENT]) === pid)
    .reduce((sum, { fields }) => sum + ticks(fields) * MICROS_PER_TICK, 0)
}

function ticks(fields: readonly string[]): number {
  return [USER, SYSTEM, USER_OF_GONE, SYSTEM_OF_GONE].reduce((sum, at) => sum + Number(fields[at]), 0)
}

function statsOfAll(): { readonly own: number; readonly fields: readonly string[] }[] {
  return entriesOf('/proc').flatMap((name) => {
    const own = Number(name)
    if (!Number.isInteger(own)) return []
    try {
      const line = readFileSync(`/proc/${name}/stat`, 'utf8')
      return [{ own, fields: line.slice(line.lastIndexOf(')') + 2).split(' ') }] // a command's name may hold anything
    } catch {
      return [] // it has gone meanwhile
    }
  })
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
