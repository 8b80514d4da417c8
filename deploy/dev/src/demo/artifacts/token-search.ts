import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The files below a directory in which a secret stands as it is, databases, logs and stores included. */
export function holdersOf(secret: string, dir: string): string[] {
  const holders = [...filesBelow(dir)].filter((path) => holds(path, Buffer.from(secret)))
  return holders.map((path) => relative(dir, path))
}

function* filesBelow(dir: string): Iterable<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else if (entry.isFile()) yield path
  }
}

const PIECE = 4_194_304
const OVERLAP = 128
const room = Buffer.alloc(OVERLAP + PIECE)

/** Piece by piece, with the end of each before the next: a secret may lie across two. */
function holds(path: string, secret: Buffer): boolean {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false // gone: it holds nothing
    throw error
  }
  try {
    for (let kept = 0; ;) {
      const read = readSync(file, room, kept, PIECE, null)
      if (read === 0) return false
      const end = kept + read
      if (room.subarray(0, end).includes(secret)) return true
      kept = Math.min(OVERLAP, end)
      room.copyWithin(0, end - kept, end)
    }
  } finally {
    closeSync(file)
  }
}
