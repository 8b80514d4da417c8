import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { extract, type Extract } from 'tar-stream'
import { BackupBroken } from './backup-manifest.ts'

export type Arrived = Map<string, { readonly sizeBytes: number; readonly sha256: string }>

type Place = {
  readonly dir: string
  /** Gives what was made to the user whose server will run on it. */
  readonly own: (path: string) => void
}

/**
 * Writes a tar archive (ustar) as it comes into `dir`, and says what came. Only directories and plain files, only below `dir`.
 *
 * Nothing is flushed here: the copy of pg_control says "in production", so the server that starts on it first flushes the
 * whole directory (SyncDataDirectory in xlog.c), whatever state a crash of ours left the copy in.
 */
export function unpackArchive({ dir, own }: Place): { archive: Extract; arrived: Promise<Arrived> } {
  const archive = extract()
  return { archive, arrived: unpack(archive, { dir, own }) }
}

async function unpack(archive: Extract, { dir, own }: Place): Promise<Arrived> {
  const arrived: Arrived = new Map()
  for await (const entry of archive) {
    const path = pathOf(entry.header.name)
    const target = join(dir, path)
    if (entry.header.type === 'directory') {
      if (path !== '.') makeDirectory(target, own)
      entry.resume()
      continue
    }
    if (entry.header.type !== 'file') throw new BackupBroken(`${path} is a ${entry.header.type}, which is not copied`)
    makeDirectory(dirname(target), own)
    // Its chunks are Buffers; the types of streamx do not say so.
    arrived.set(path, await write(entry as unknown as AsyncIterable<Buffer>, target))
    own(target)
  }
  return arrived
}

async function write(entry: AsyncIterable<Buffer>, target: string): Promise<{ sizeBytes: number; sha256: string }> {
  const digest = createHash('sha256')
  const file = openSync(target, 'wx', 0o600)
  let sizeBytes = 0
  try {
    for await (const chunk of entry) {
      digest.update(chunk)
      for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at)
      sizeBytes += chunk.length
    }
  } finally {
    closeSync(file)
  }
  return { sizeBytes, sha256: digest.digest('hex') }
}

function makeDirectory(path: string, own: (path: string) => void): void {
  if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) own(path)
}

/** A name of the archive as a path below the directory; nothing may lead out of it. */
function pathOf(name: string): string {
  const path = normalize(name).replace(/\/$/, '')
  if (path.startsWith('/') || path === '..' || path.startsWith('../')) throw new BackupBroken(`${name} leads elsewhere`)
  return path
}
