import { mkdir, open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Writes a file that is there whole or not at all, and still there after the power went. */
export async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const dir = dirname(path)
  if (await mkdir(dir, { recursive: true, mode: 0o700 })) await syncFolder(dirname(dir))
  const unfinished = join(dir, `.${basename(path)}.new`)
  const file = await open(unfinished, 'w', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
  await syncFolder(dir)
}

/** What was made, renamed or removed in a folder is so after the power went. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
