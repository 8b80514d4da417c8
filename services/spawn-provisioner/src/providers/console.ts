import { appendFileSync, closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'

/** What deploy/child/boot.ts puts before its own lines: the rest of a console is the kernel's, and whoever else speaks. */
const OURS = 'powernode: '
const BEGINS = `${OURS}boot`
const SERVES = `${OURS}serving`
const PROGRESS = `${OURS}progress `
const LINES = 60
/** Nobody but us empties the file, and a guest may say whatever it likes, for as long as it likes. */
const MOST_BYTES = 1024 * 1024
const KEPT_BYTES = 64 * 1024
/** So much of what came since the last look is searched for the lines that count. */
const SEARCHED_BYTES = 16 * 1024 * 1024

/** Marks that a machine is being started: until it says so itself, what an earlier boot said would stand for this one. */
export function beginConsole(file: string): void {
  appendFileSync(file, `${BEGINS}: started\n`, { mode: 0o600 })
}

/** What a console says of the boot that it shows last. */
export type Told = { readonly serves: boolean; readonly progress: string; readonly lines: readonly string[] }

/** Reads the end of a console's file, and cuts one that grew too long; one that is not there yet has told nothing. */
export function readConsole(file: string): Told {
  cutConsole(file)
  return told(tailOf(file))
}

/**
 * Leaves of a long console its end, and before that the lines by which its machine is judged. Whoever writes to it goes on
 * behind that: it MUST have opened the file for appending.
 */
function cutConsole(file: string): void {
  withFile(file, 'r+', undefined, (handle) => {
    if (fstatSync(handle).size <= MOST_BYTES) return
    const text = endOf(handle, SEARCHED_BYTES)
    const lines = text.split('\n')
    const boot = lines.findLastIndex((line) => line.startsWith(BEGINS))
    const since = lines.slice(Math.max(boot, 0))
    const judged = [BEGINS, SERVES, PROGRESS].flatMap((mark) => since.findLast((line) => line.startsWith(mark)) ?? [])
    ftruncateSync(handle, 0)
    appendFileSync(file, [...judged, '(what came here was cut)', text.slice(-KEPT_BYTES)].join('\n'))
  })
}

/** A console holds every boot since the machine was made; what an earlier one said of itself counts no more. */
export function told(text: string): Told {
  const lines = text
    .split(/\r*\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
  const boot = lines.findLastIndex((line) => line.startsWith(BEGINS))
  const since = lines.slice(Math.max(boot, 0))
  return {
    serves: since.some((line) => line.startsWith(SERVES)),
    progress: since.findLast((line) => line.startsWith(PROGRESS))?.slice(PROGRESS.length) ?? '',
    lines: lines.slice(-LINES),
  }
}

/** Whether the program that was started last says that it runs: only then it hears signals, and does not die of them. */
export function hasBegun(file: string): boolean {
  return (
    tailOf(file)
      .split('\n')
      .findLast((line) => line.startsWith(BEGINS))
      ?.startsWith(`${BEGINS} `) === true
  )
}

const tailOf = (file: string): string => withFile(file, 'r', '', (handle) => endOf(handle, MOST_BYTES))

function endOf(handle: number, most: number): string {
  const { size } = fstatSync(handle)
  const length = Math.min(size, most)
  const bytes = Buffer.alloc(length)
  const read = readSync(handle, bytes, 0, length, size - length)
  return bytes.subarray(0, read).toString('utf8')
}

function withFile<T>(file: string, flags: 'r' | 'r+', missing: T, work: (handle: number) => T): T {
  let handle: number
  try {
    handle = openSync(file, flags)
  } catch {
    return missing
  }
  try {
    return work(handle)
  } finally {
    closeSync(handle)
  }
}
