import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { payloadsPath } from '@powernode/ledger'
import { entriesPath, parseCheckpoint, parseNote, parseTilePath, TILE_WIDTH, type Checkpoint } from '@powernode/tlog'
import { DAMAGE_EXIT } from './exit-codes.ts'
import { Problem, usage } from './problem.ts'

/** The newest checkpoint of the export before this one: what the log MUST still be a continuation of. */
export const PREVIOUS = 'checkpoint.previous'
export const KEYS = 'keys.vkeys'
export const POLICY = 'policy'

/**
 * A folder that a log is exported into, in the layout of C2SP tlog-tiles.
 *
 * What is complete never changes, so an export that was cut short goes on where it ended. The checkpoint comes last: a
 * folder whose checkpoint is there holds everything that it speaks of.
 */
export function exportedLog(
  dir: string,
  { payloads, origin }: { readonly payloads: boolean; readonly origin: string },
) {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const before = checkpointIn(dir)
  if (before && before.origin !== origin)
    throw usage(`${dir} holds the log ${before.origin}, and this is ${origin}`, 'choose another folder')
  let written: string[] = []
  let checkpoint: Buffer | undefined

  return {
    before,

    /** Entries that are here for good. With payloads the last bundle counts as unsure: its payloads may be of when it was not full. */
    start(): number {
      let bundles = 0
      while (existsSync(join(dir, entriesPath(bundles))) && (!payloads || existsSync(join(dir, payloadsPath(bundles)))))
        bundles += 1
      return Math.max(0, payloads ? bundles - 1 : bundles) * TILE_WIDTH
    },

    write(path: string, content: Uint8Array): void {
      if (path === 'checkpoint') return void (checkpoint = Buffer.from(content))
      if (!isHarmless(path)) throw new Error(`the service sent a file that belongs elsewhere: ${path}`)
      const file = join(dir, path)
      if (parseTilePath(path) !== undefined && existsSync(file) && !readFileSync(file).equals(content))
        throw conflict(`${path} of this export is not what the log holds now`)
      place(file, content)
      written.push(path)
    },

    /** Everything is there: the checkpoint is put over it, and what it no longer needs goes. */
    finish(): Checkpoint {
      if (!checkpoint) throw new Error('the service sent no checkpoint')
      const now = readCheckpoint(checkpoint.toString('utf8'))
      if (now.origin !== origin) throw new Error(`the service sent ${now.origin} for ${origin}`)
      if (before && before.size > now.size)
        throw new Problem({
          reason: 'LOG_ROLLED_BACK',
          message: `the log has ${now.size} entries, and had ${before.size} at the export before`,
          next: 'fedctl audit alarms; docs/ledger.md says what to do',
          exitCode: DAMAGE_EXIT.rollback,
        })
      if (before) renameSync(join(dir, 'checkpoint'), join(dir, PREVIOUS))
      place(join(dir, 'checkpoint'), checkpoint)
      for (const path of written) dropOutgrown(dir, path)
      written = []
      return now
    },
  }
}

/** Origin and size of the checkpoint in a folder; nothing when there is none. */
function checkpointIn(dir: string): Checkpoint | undefined {
  const file = join(dir, 'checkpoint')
  return existsSync(file) ? readCheckpoint(readFileSync(file, 'utf8')) : undefined
}

const readCheckpoint = (note: string): Checkpoint => parseCheckpoint(parseNote(note).body)

function conflict(message: string): Problem {
  return new Problem({
    reason: 'EXPORT_CONFLICT',
    message,
    next: 'keep the folder as it is: it is evidence. Export into another one, and compare',
    exitCode: DAMAGE_EXIT.fork,
  })
}

/** Names without tricks: nothing that is written leaves the folder. */
const isHarmless = (path: string): boolean =>
  path.split('/').every((part) => /^[A-Za-z0-9][\w.-]*$/.test(part)) && path.length < 200

/** Whole or not at all, and for its owner only: payloads hold names of people. */
export function place(file: string, content: Uint8Array | string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, content, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Narrower tiles than the one that was written just now. */
function dropOutgrown(dir: string, path: string): void {
  const isPartial = /\.p\/\d+$/.test(path)
  const partials = join(dir, isPartial ? dirname(path) : `${path}.p`)
  if (!isPartial) return rmSync(partials, { recursive: true, force: true })
  for (const width of readdirSync(partials))
    if (Number(width) < Number(basename(path))) rmSync(join(partials, width), { force: true })
}
