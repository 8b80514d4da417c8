import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '@powernode/clock'
import { findNatsServer } from '../dev/src/nats-binary.ts'
import { cpio } from './cpio.ts'
import { layOutData } from './data.ts'
import { makeDisk, ownedByGuest } from './disk.ts'
import { isSlow, noteFirstBoot, TOO_SLOW } from './first-boot.ts'
import { fetchKernel } from './kernel.ts'
import { pruneImages } from './prune.ts'
import { layOutSystem } from './system.ts'
import type { Tool } from './tools.ts'

/**
 * What a guest is started from. services/spawn-provisioner/src/providers/qemu/image.ts reads it: MUST agree with it.
 *
 * vmlinuz, initrd.cpio, system.ext4 (read only, shared), child.ext4 (copied for each child), busybox (the way out).
 */
export type Image = { readonly dir: string; readonly made: boolean }

export type Making = {
  readonly root: string
  /** Images lie in `<cache>/qemu`; the one in use is `current`. */
  readonly cache: string
  readonly tools: Readonly<Record<Tool, string>>
  readonly progress: (doing: string) => void
  /** Boots the image once, and says how many milliseconds that took; rejects when it does not come up. */
  readonly trial: (image: string, work: string) => Promise<number>
  readonly clock: Clock
}

/** The image of this checkout: the one there is when nothing that goes into it has changed, else a new one. */
export async function makeImage(making: Making): Promise<Image> {
  const { root, cache, progress, clock } = making
  const images = join(cache, 'qemu')
  const dir = join(images, digestOf(root))
  const made = !existsSync(dir)
  if (made) await make(making, images, dir)
  use(images, dir)
  const removed = pruneImages(images, basename(dir), clock.now())
  if (removed.length > 0) progress(`removed what nobody starts from any more: ${removed.join(', ')}`)
  return { dir, made }
}

async function make({ root, cache, tools, progress, trial }: Making, images: string, dir: string): Promise<void> {
  mkdirSync(images, { recursive: true })
  const work = mkdtempSync(join(images, 'making-'))
  try {
    const [system, data, image] = ['system', 'data', 'image'].map((name) => join(work, name)) as [
      string,
      string,
      string,
    ]
    for (const folder of [system, data, image]) mkdirSync(folder, { mode: 0o755 })
    progress('kernel')
    const kernel = await fetchKernel(work, tools)
    copyFileSync(kernel.vmlinuz, join(image, 'vmlinuz'))
    copyFileSync(tools.busybox, join(image, 'busybox'))
    chmodSync(join(image, 'busybox'), 0o755)
    writeFileSync(join(image, 'initrd.cpio'), initrd(root, tools, kernel.modules))
    progress('system')
    const nats = await findNatsServer(join(cache, 'bin'), progress)
    await layOutSystem(system, { root, nats, tools })
    await makeDisk(join(image, 'system.ext4'), { from: system, mib: 384, journal: false, tools })
    progress('database')
    await layOutData(data, work)
    ownedByGuest(data)
    await makeDisk(join(image, 'child.ext4'), { from: data, mib: 512, journal: true, tools })
    progress('a first boot, which shows that it comes up')
    const ms = await trial(image, work)
    progress(`it came up in ${Math.round(ms / 1_000)} s${isSlow(ms) ? `; ${TOO_SLOW}` : ''}`)
    noteFirstBoot(image, ms)
    renameSync(image, dir)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What the kernel is handed: the drivers, and who loads them and goes on from the first disk. */
export function initrd(root: string, tools: Readonly<Record<Tool, string>>, modules: readonly string[]): Buffer {
  const folders = ['bin', 'dev', 'lib', 'lib/modules', 'system'].map((path) => ({ path }))
  const file = (path: string, from: string) => ({ path, content: readFileSync(from), executable: true })
  const order = Buffer.from(modules.map((module) => `${basename(module)}\n`).join(''))
  return cpio([
    ...folders,
    file('init', join(root, 'deploy/qemu/guest/early.sh')),
    file('bin/busybox', tools.busybox),
    { path: 'lib/modules/order', content: order },
    ...modules.map((module) => file(`lib/modules/${basename(module)}`, module)),
  ])
}

/** `current` is replaced at once: a child that is being made finds the one or the other. */
function use(images: string, dir: string): void {
  const next = join(images, `current-${process.pid}`)
  rmSync(next, { force: true })
  symlinkSync(basename(dir), next)
  renameSync(next, join(images, 'current'))
}

/** Everything that may end up in an image, in one number. */
function digestOf(root: string): string {
  const sources = ['{libs,services,deploy}/**/*.{ts,sh,sql,yaml,json}', 'package-lock.json', 'package.json']
  const hash = createHash('sha256').update(process.version)
  for (const file of globSync(sources, { cwd: root, exclude: (name) => name === 'node_modules' }).toSorted())
    if (!file.endsWith('.test.ts')) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 16)
}
