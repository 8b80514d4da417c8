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
    const { from, placed } = look(dir)
    const texts = new Map<TlsFile, string>()
    // Of a version only what is still placed: a key.pem that somebody removed is gone, though its version has one.
    for (const file of placed) {
      const text = read(`${from}/${file}`)
      if (text !== undefined) texts.set(file, text)
    }
    const keyMode = statSync(`${from}/${TLS_FILES.key}`, { throwIfNoEntry: false })?.mode ?? 0
    if (look(dir).from === from) return { texts, keyMode }
  }
}

/**
 * Where the files lie right now: the version that all links point into, or `dir` itself where somebody placed them by hand. A
 * writer that is quick has removed that version by the time it is looked into; so nothing of it is asked for here.
 */
export const versionIn = (dir: string): string => look(dir).from

export const placedIn = (dir: string): TlsFile[] => look(dir).placed

export const isLinkedThroughCurrent = (dir: string, file: TlsFile): boolean => linkAt(`${dir}/${file}`) === LINKS[file]

const FILES = Object.values(TLS_FILES)
const LINKS = Object.fromEntries(FILES.map((file) => [file, join(CURRENT, file)])) as Readonly<Record<TlsFile, string>> // of all files

/** Looked at by every road to every service, twice: so each link is read once, and where there are links nothing else is asked. */
function look(dir: string): { readonly from: string; readonly placed: TlsFile[] } {
  const placed: TlsFile[] = []
  let linked = 0
  for (const file of FILES) {
    const path = `${dir}/${file}`
    const target = linkAt(path)
    if (target === LINKS[file]) linked += 1
    else if (target === undefined && !lstatSync(path, { throwIfNoEntry: false })) continue
    placed.push(file)
  }
  const allLinked = placed.length > 0 && linked === placed.length
  return { from: allLinked ? join(dir, readlinkSync(`${dir}/${CURRENT}`)) : dir, placed }
}

/** What the link says, or undefined where there is none. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (isErrno(error, 'EINVAL') || isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
