import { decodeBundle, encodeBundle, parseNote } from '@powernode/tlog'
import type { Draw } from './draw.ts'
import { LogMaker } from './log-maker.ts'
import type { SealedLog } from './sealed-logs.ts'

/** What somebody did to the files of a log: changed ones, and removed ones (undefined). */
export type Changes = ReadonlyMap<string, Uint8Array | undefined>

export type Made = {
  readonly changes: Changes
  /** Checkpoints that a verifier has kept. */
  readonly previous?: readonly string[]
  /** Another verifier looks at this part as well: it reads checkpoint, tiles and entries of the newest size. */
  readonly isSeenByOthers?: boolean
}

export const NOTHING: Made = { changes: new Map() }

export const one = (path: string, bytes: Uint8Array | undefined): Made => ({ changes: new Map([[path, bytes]]) })

export const changed = (log: SealedLog, path: string, change: (bytes: Uint8Array) => Uint8Array): Made =>
  one(path, change(file(log, path)))

export const inBundle = (
  log: SealedLog,
  draw: Draw,
  change: (entries: readonly Uint8Array[], bytes: Uint8Array) => Uint8Array,
): Made =>
  // prettier-ignore
  changed(log, draw.of(log.bundles), (bytes) => change(decodeBundle(bytes), bytes))

export const inEntry = (log: SealedLog, draw: Draw, change: (entry: Uint8Array) => Uint8Array): Made =>
  inBundle(log, draw, (entries) => {
    const i = draw.below(entries.length)
    return encodeBundle(entries.with(i, change(at(entries, i))))
  })

/** Another byte in what stands under the checkpoint: key id, moment or signature. */
export function inSignature(log: SealedLog, draw: Draw, which: number): Made {
  const { signatures } = parseNote(log.note)
  const { name, keyId, blob, line } = at(signatures, which)
  const bytes = flipped(Buffer.concat([keyId, blob]), draw)
  return one('checkpoint', Buffer.from(log.note.replace(line, `— ${name} ${Buffer.from(bytes).toString('base64')}`)))
}

/** The same log with other entries, signed and sealed as if they had always been there; nothing else of it is left. */
export function rewritten(log: SealedLog, entries: readonly Uint8Array[]): Made {
  const changes = new Map<string, Uint8Array | undefined>(Array.from(log.files.keys(), (path) => [path, undefined]))
  const maker = new LogMaker(log.keys, (path, bytes) => changes.set(path, bytes))
  for (const entry of entries) maker.add(entry)
  maker.seal()
  return { changes }
}

export const allEntries = (log: SealedLog): Uint8Array[] => log.bundles.flatMap((path) => decodeBundle(file(log, path)))

export function flipped(bytes: Uint8Array, draw: Draw, where = draw.below(bytes.length)): Uint8Array {
  return Buffer.from(bytes).map((byte, i) => (i === where ? byte ^ (1 + draw.below(255)) : byte))
}

export function file({ files }: SealedLog, path: string): Uint8Array {
  const bytes = files.get(path)
  if (!bytes) throw new Error(`the log has no ${path}`)
  return bytes
}

export function at<T>(some: readonly T[], i: number): T {
  const one = some[i]
  if (one === undefined) throw new Error(`there is no ${i}`)
  return one
}
