import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { filesIn, verifyDirectory, type Report } from '@powernode/ledger'
import { usage } from '../problem.ts'
import type { Alone } from '../session.ts'
import { logDamage, type Damage } from './damage.ts'
import type { Trusted } from './trust.ts'

export type LogVerdict = {
  /** Below the folder that was asked about; empty when it is that folder. */
  readonly folder: string
  readonly report: Report
  readonly damages: readonly Damage[]
}

type Asked = { readonly trusted: Trusted; readonly previous?: string | undefined }

/** Checks every log in a folder, from its files and the given keys alone. */
export async function verifyFolder(alone: Alone, dir: string, asked: Asked): Promise<LogVerdict[]> {
  const folders = logsIn(dir)
  if (asked.previous !== undefined && folders.length > 1)
    throw usage('one checkpoint of before, and several logs', 'name the folder of one log')
  const verdicts: LogVerdict[] = []
  for (const folder of folders) verdicts.push(await verifyLog(alone, dir, folder, asked))
  return verdicts
}

async function verifyLog(alone: Alone, dir: string, path: string, { trusted, previous }: Asked): Promise<LogVerdict> {
  const folder = relative(dir, path)
  const progress = alone.progress(folder === '' ? 'checking' : `checking ${folder}`)
  try {
    const report = await verifyDirectory(filesIn(path), trusted.trust, {
      onProgress: ({ checked, size }) => {
        alone.signal.throwIfAborted()
        progress.at(checked, size)
      },
      ...(previous !== undefined && { expectPrevious: [previous] }),
      ...originOf(path, trusted),
    })
    return { folder, report, damages: report.damages.map(logDamage) }
  } finally {
    progress.end()
  }
}

/** A ledger's folder bears the name of its log: what lies there MUST be that log, and no sister that is known as well. */
function originOf(path: string, { verifiers }: Trusted): { readonly origin?: string } {
  const folder = resolve(path).split(sep).join('/')
  const named = verifiers.find(({ type, name }) => type === 'ed25519' && folder.endsWith(`/${name}`))
  return named ? { origin: named.name } : {}
}

/**
 * Logs that keys were given for, and that are not in a folder in which others of the same platform lie under their names: as the
 * ledger's own files do. Whoever takes a whole log away leaves no trace of it in the others. An export of a few logs names none.
 */
export function logsNotHere(dir: string, verdicts: readonly LogVerdict[], { verifiers }: Trusted): string[] {
  const named = verifiers.filter(({ type }) => type === 'ed25519').map(({ name }) => name)
  const missing = verdicts.flatMap(({ folder }) => {
    const path = folder.split(sep).join('/')
    const found = named.find((name) => `/${path}`.endsWith(`/${name}`))
    if (found === undefined) return []
    const above = path.slice(0, path.length - found.length)
    const sisters = named.filter((name) => platformOf(name) === platformOf(found))
    return sisters.filter((name) => !existsSync(join(dir, above, name)))
  })
  return [...new Set(missing)].toSorted()
}

const platformOf = (origin: string): string => origin.split('/')[0] ?? ''

/** Folders with a checkpoint, or with tiles that have lost theirs; what lies within a log is none of its own. */
function logsIn(dir: string): string[] {
  const entries = readdirSync(dir, { withFileTypes: true })
  const isLog = entries.some((entry) => entry.name === 'checkpoint' || (entry.name === 'tile' && entry.isDirectory()))
  if (isLog) return [dir]
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  return folders
    .map(({ name }) => name)
    .toSorted()
    .flatMap((name) => logsIn(join(dir, name)))
}
