import { randomUUID } from 'node:crypto'
import { Contradiction } from '../log-files.ts'
import type { DurableFolder } from './durable.ts'

const FILE = '.id'

/** What tells a folder from all others, also when replicas know it under different paths. Made once, by whoever is first. */
export async function folderId(folder: DurableFolder): Promise<string> {
  const found = await folder.read(FILE)
  if (found !== undefined) return found.toString()
  const id = randomUUID()
  try {
    await folder.putOnce([{ path: FILE, content: Buffer.from(id) }])
    return id
  } catch (error) {
    if (error instanceof Contradiction) return folderId(folder) // another replica was first
    throw error
  }
}
