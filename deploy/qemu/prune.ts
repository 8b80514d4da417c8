import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { livesBy } from '../../services/spawn-provisioner/src/providers/qemu/image.ts'

const IMAGE = /^[0-9a-f]{16}$/
const UNFINISHED = /^making-/
/** No image takes that long to make: whoever began it was killed. */
const DAY_MS = 86_400_000

/**
 * Removes images that nobody starts from any more, and what killed makers left; names what went.
 *
 * Each is 300 MB, and every change of the checkout makes another. Three kinds stay: the one in use, the one before it (a child that
 * is being made right now may have chosen it), and every one that a child lives by: its system lies there, and it MUST start again.
 */
export function pruneImages(images: string, inUse: string, now: Date): string[] {
  const names = readdirSync(images)
  const before = names
    .filter((name) => IMAGE.test(name) && name !== inUse)
    .toSorted((a, b) => madeAt(join(images, b)) - madeAt(join(images, a)))
  const unneeded = before.slice(1).filter((name) => !livesBy(join(images, name)))
  const left = names.filter((name) => UNFINISHED.test(name) && now.getTime() - madeAt(join(images, name)) > DAY_MS)
  for (const name of [...unneeded, ...left]) rmSync(join(images, name), { recursive: true, force: true })
  return [...unneeded, ...left]
}

/** The system's disk is read only, so its time is the image's; a folder's changes with every child. */
function madeAt(dir: string): number {
  const disk = join(dir, 'system.ext4')
  return statSync(existsSync(disk) ? disk : dir).mtimeMs
}
