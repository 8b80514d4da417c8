import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { usage } from './problem.ts'
import type { Session } from './session.ts'
import { isRecord, type Pairs } from './values.ts'

/** A record given as a file of JSON or YAML (- for stdin), as key=value pairs, or as both: the pairs win. */
export function recordFrom({ env }: Session, file: string | undefined, pairs: Pairs = {}): Pairs {
  if (file === undefined) return pairs
  const text = file === '-' ? env.readInput() : read(resolve(env.cwd, file), file)
  let parsed: unknown
  try {
    parsed = parse(text) // JSON is YAML too
  } catch (cause) {
    throw usage(`${file} is neither JSON nor YAML: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (!isRecord(parsed)) throw usage(`${file} holds no object`, 'a record looks like {"name": "ntp"}')
  return { ...parsed, ...pairs }
}

export const read = (path: string, shown = path): string => readBytes(path, shown).toString('utf8')

export function readBytes(path: string, shown = path): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT')
      throw usage(`there is no ${shown}`, 'name a file that is there, seen from the folder you stand in')
    if (code === 'EISDIR') throw usage(`${shown} is a folder`, 'name a file in it')
    throw usage(`${shown} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
