import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The files of one identity: whole chain (leaf, issuing CA, root), its key, whom to trust, and what was taken back. */
export const TLS_FILES = { cert: 'cert.pem', key: 'key.pem', ca: 'roots.pem', crl: 'crl.pem' } as const

export type TlsFile = (typeof TLS_FILES)[keyof typeof TLS_FILES]

/** The link that `writeTlsFiles` moves to swap all files in one step; see there. */
export const CURRENT = '.current'

export type TextsTogether = { readonly texts: ReadonlyMap<TlsFile, string>; readonly keyMode: number }

/** All files of one and the same version: read again if another was swapped in meanwhile. */
export function readTogether(dir: string): TextsTogether {
  for (;;) {
    const from = versionIn(dir)
    const texts = new Map<TlsFile, string>()
    // Of a version only what is still placed: a key.pem that somebody removed is gone, though its version has one.
    for (const file of placedIn(dir)) {
      const text = read(join(from, file))
      if (text !== undefined) texts.set(file, text)
    }
    const keyMode = statSync(join(from, TLS_FILES.key), { throwIfNoEntry: false })?.mode ?? 0
    if (versionIn(dir) === from) return { texts, keyMode }
  }
}

/**
 * Where the files lie right now: the version that all links point into, or `dir` itself where somebody placed them by hand. A
 * writer that is quick has removed that version by the time it is looked into; so nothing of it is asked for here.
 */
export function versionIn(dir: string): string {
  const placed = placedIn(dir)
  const allLinked = placed.length > 0 && placed.every((file) => isLinkedThroughCurrent(dir, file))
  return allLinked ? join(dir, readlinkSync(join(dir, CURRENT))) : dir
}

export function placedIn(dir: string): TlsFile[] {
  return Object.values(TLS_FILES).filter((file) => lstatSync(join(dir, file), { throwIfNoEntry: false }))
}

export function isLinkedThroughCurrent(dir: string, file: TlsFile): boolean {
  const stats = lstatSync(join(dir, file), { throwIfNoEntry: false })
  return stats?.isSymbolicLink() === true && readlinkSync(join(dir, file)) === join(CURRENT, file)
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
