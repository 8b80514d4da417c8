import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Contradiction, type File } from '../log-files.ts'

/** The folder cannot be read or written now. Nothing half done is left behind; trying again later is right. */
export class FolderFailed extends Error {
  override readonly name = 'FolderFailed'
}

/** A folder in which files, once they are there, are whole, on disk, and never written again. */
export type DurableFolder = {
  readonly root: string
  /** What stands at `path`, or undefined. */
  readonly read: (path: string) => Promise<Buffer | undefined>
  /**
   * Puts files in place, all of them durable when it resolves. One that is there already with the same content is left
   * alone; one with other content is a `Contradiction`, and is left alone too.
   */
  readonly putOnce: (files: readonly File[]) => Promise<void>
  /** Puts a file in the place of another in one step, durable when it resolves. */
  readonly replace: (file: File) => Promise<void>
  /** Takes files away, if they are there. MUST NOT be used for what others rely on. */
  readonly remove: (paths: readonly string[]) => Promise<void>
  /** Finds out whether anything can be written at all. */
  readonly probe: () => Promise<void>
  /** Removes what processes that were killed have left half written. */
  readonly sweep: () => Promise<void>
}

const FILE_MODE = 0o440
const FOLDER_MODE = 0o750
/** Half-written files lie here, on the same filesystem, under names that no two writers share. */
const NEW = '.new'

/**
 * Opens a folder, made if it is not there.
 *
 * A file is written under a name of its own, flushed, and only then linked to its place: no crash and no full disk leaves
 * half a file there. After a failed flush the kernel may have forgotten what it could not write, so a file that failed
 * is thrown away and written anew, never flushed again. Links are exclusive: the filesystem itself refuses to overwrite.
 */
export function durableFolder(root: string): DurableFolder {
  const known = new Set<string>()
  const at = (path: string) => join(root, path)

  /** Makes a folder below the root and those above it; each is durable before anything is put into it. */
  async function folder(path: string): Promise<void> {
    if (known.has(path)) return
    if (path === root) {
      await mkdir(root, { recursive: true, mode: FOLDER_MODE })
    } else {
      try {
        await mkdir(path, { mode: FOLDER_MODE })
        await chmod(path, FOLDER_MODE) // whatever the umask
      } catch (error) {
        if (isCode(error, 'ENOENT')) {
          known.delete(dirname(path))
          await folder(dirname(path))
          return folder(path)
        }
        if (!isCode(error, 'EEXIST')) throw error
      }
      await flushFolder(dirname(path))
    }
    known.add(path)
  }

  async function written(content: Uint8Array): Promise<string> {
    await folder(at(NEW))
    const path = join(at(NEW), randomUUID())
    const file = await open(path, 'wx', FILE_MODE)
    try {
      for (let done = 0; done < content.length;)
        done += (await file.write(content, done, content.length - done, done)).bytesWritten
      await file.chmod(FILE_MODE)
      await file.sync()
      await file.close()
    } catch (error) {
      await file.close().catch(() => undefined)
      await rm(path, { force: true }).catch(() => undefined)
      throw error
    }
    return path
  }

  async function putInPlace({ path, content }: File): Promise<void> {
    const place = at(path)
    await folder(dirname(place))
    if (await isThere(place, content)) return
    const made = await written(content)
    try {
      await link(made, place)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
      await isThere(place, content) // another writer of this folder was here first
    } finally {
      await rm(made, { force: true })
    }
  }

  /** Whether the file is there. MUST be followed by a flush of its folder: whoever made it may have died before that. */
  async function isThere(place: string, content: Uint8Array): Promise<boolean> {
    const found = await contentOf(place)
    if (found === undefined) return false
    if (!found.equals(content)) throw new Contradiction(`${place} holds something else than it should`)
    return true
  }

  async function putOnce(files: readonly File[]): Promise<void> {
    for (const file of files) await putInPlace(file)
    for (const path of new Set(files.map((file) => dirname(at(file.path))))) await flushFolder(path)
  }

  async function replace({ path, content }: File): Promise<void> {
    const place = at(path)
    await folder(dirname(place))
    const made = await written(content)
    try {
      await rename(made, place)
    } catch (error) {
      await rm(made, { force: true })
      throw error
    }
    await flushFolder(dirname(place))
  }

  async function remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await rm(at(path), { force: true })
    for (const path of new Set(paths.map((one) => dirname(at(one)))))
      await rmdir(path).then(
        () => known.delete(path),
        () => undefined, // not empty yet
      )
  }

  async function sweep(): Promise<void> {
    known.clear() // somebody may have taken the folder away since
    await rm(at(NEW), { recursive: true, force: true })
  }

  /** Tells a disk that fails from everything else that can fail. Afterwards nothing is taken for made any more. */
  async function orFailed<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      if (cause instanceof Contradiction) throw cause
      known.clear()
      throw new FolderFailed(`${root} cannot be read or written now`, { cause })
    }
  }

  return {
    root,
    read: (path) => orFailed(contentOf(at(path))),
    putOnce: (files) => orFailed(putOnce(files)),
    replace: (file) => orFailed(replace(file)),
    remove: (paths) => orFailed(remove(paths)),
    probe: () => orFailed(written(Buffer.from('probe')).then((path) => rm(path, { force: true }))),
    sweep: () => orFailed(sweep()),
  }
}

/** Flushes the names in a folder, without which a flushed file may be found under none after a crash. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
    throw error
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
