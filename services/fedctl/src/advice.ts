import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ProblemFacts } from './problem.ts'

const CATALOGUE = fileURLToPath(new URL('../../../docs/errors.md', import.meta.url))

/** What the machine said no with, by its number, and what helps. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that disk, then do it once more',
  EDQUOT: 'make room within your quota, then do it once more',
  EACCES: 'name a place that you may use, or do it as a user who may',
  EPERM: 'name a place that you may use, or do it as a user who may',
  EROFS: 'name a place on a disk that can be written',
  ENOENT: 'make the folder first, or name another',
  ENOTDIR: 'name a folder: what stands there is a file',
  EISDIR: 'name a file: what stands there is a folder',
  EEXIST: 'name another place: something stands there',
  EMFILE: 'raise the number of open files: ulimit -n',
}

/**
 * No error leaves a person alone: whatever does not say itself what to do gets it from here.
 *
 * `typed` is the command as far as it was understood: `fedctl peer show`.
 */
export function advised(facts: ProblemFacts, error: unknown, typed: string): ProblemFacts {
  if (facts.next !== undefined && facts.next !== '') return facts
  const next = adviceFor(facts.reason, error, typed)
  return next === undefined ? facts : { ...facts, next }
}

function adviceFor(reason: string, error: unknown, typed: string): string | undefined {
  if (reason === 'DECLINED') return undefined // who was asked and said no knows what to do
  if (reason === 'USAGE' || reason === 'REQUEST_INVALID') return `${typed} --help`
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return OF_THE_MACHINE[code] ?? fromCatalogue(reason) ?? 'fedctl doctor'
}

/** What docs/errors.md says to do, as one line without its markup. */
export function fromCatalogue(reason: string): string | undefined {
  if (!existsSync(CATALOGUE)) return undefined
  const [, row = ''] = readFileSync(CATALOGUE, 'utf8').split(`\n### ${reason}\n`)
  const [, advice] = /^\*\*Do:\*\* (.*)$/m.exec(row.split('\n### ')[0] ?? '') ?? []
  return advice?.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
}
