import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** The secret in `file`, made by `make` when there is none yet. Only its owner can read the file, and it is whole or absent. */
export function secretFile(file: string, make: () => string): string {
  if (!existsSync(file)) writePrivately(file, make())
  return readFileSync(file, 'utf8').trim()
}

/** Replaces `file` at once by one that only its owner can read. */
export function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
