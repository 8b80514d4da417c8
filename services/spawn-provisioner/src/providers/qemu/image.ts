import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InstanceDir } from '../instance-dir.ts'

/** What deploy/qemu/image.ts makes. */
const FILES = ['vmlinuz', 'initrd.cpio', 'system.ext4', 'child.ext4', 'busybox'] as const

/** The folder of the image in use. A guest keeps the one it was made from: its database was made by that one's. */
export function currentImage(cacheDir: string, named: string | undefined): string {
  const dir = named ?? join(cacheDir, 'qemu', 'current')
  return existsSync(dir) ? realpathSync(dir) : dir
}

/** Why guests cannot be started from it, or undefined. */
export function flawOf(image: string): string | undefined {
  const missing = FILES.filter((file) => !existsSync(join(image, file)))
  if (missing.length === 0) return undefined
  return `there is no image at ${image} (${missing.join(', ')}): make it with \`node deploy/dev/run.mjs deploy/qemu/build.ts\``
}

/**
 * Notes in the image's folder that a child lives by it, so that deploy/qemu/prune.ts keeps it for as long as the child's directory
 * is there. Whoever may not write there uses an image that he did not make: its maker sees to it himself.
 */
export function liveBy(image: string, { instanceId, dir }: InstanceDir): void {
  try {
    mkdirSync(childrenOf(image), { recursive: true })
    writeFileSync(join(childrenOf(image), instanceId), dir)
  } catch (error) {
    if (!isDenied(error)) throw error
  }
}

/** Whether a child lives by this image. What children that are gone have noted is removed. */
export function livesBy(image: string): boolean {
  const notes = existsSync(childrenOf(image)) ? readdirSync(childrenOf(image)) : []
  const living = notes.map((name) => {
    const note = join(childrenOf(image), name)
    const lives = existsSync(readFileSync(note, 'utf8'))
    if (!lives) rmSync(note, { force: true })
    return lives
  })
  return living.includes(true)
}

const childrenOf = (image: string) => join(image, 'children')

const isDenied = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS'].includes(String(error.code))
