import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { run } from './run.ts'
import type { Tool } from './tools.ts'

export type Kernel = {
  readonly vmlinuz: string
  /** The modules a guest loads, in the order in which it must: what a module needs comes before it. */
  readonly modules: readonly string[]
  /** Where all of its modules lie: `<version>/kernel/…`. */
  readonly tree: string
}

/** Kept small for clouds: it boots in two seconds without KVM, and its drivers for virtio are modules. */
const META_PACKAGE = 'linux-image-cloud-amd64'
const DRIVERS = ['virtio_pci', 'virtio_net', 'virtio_blk', 'virtio-rng', 'qemu_fw_cfg'] as const

/** Fetches Debian's cloud kernel with apt's own checks of its signature, and unpacks it in `dir`; installs nothing. */
export async function fetchKernel(dir: string, tools: Readonly<Record<Tool, string>>): Promise<Kernel> {
  const unpacked = join(dir, 'kernel')
  mkdirSync(unpacked, { recursive: true })
  const wanted = await packageName()
  await run(tools['apt-get'], [...QUIET, 'download', wanted], dir)
  const deb = readdirSync(dir).find((name) => name.startsWith('linux-image-') && name.endsWith('.deb'))
  if (deb === undefined) throw new Error(`apt-get downloaded no ${wanted}`)
  await run(tools['dpkg-deb'], ['-x', join(dir, deb), unpacked])
  const modules = join(unpacked, 'lib', 'modules')
  const [version] = readdirSync(modules)
  if (version === undefined) throw new Error(`${wanted} holds no modules`)
  await run(tools.depmod, ['-b', unpacked, version])
  return {
    vmlinuz: join(unpacked, 'boot', `vmlinuz-${version}`),
    modules: inOrder(readFileSync(join(modules, version, 'modules.dep'), 'utf8')).map((path) =>
      join(modules, version, path),
    ),
    tree: modules,
  }
}

/** As root apt would hand the download to a user of its own, who may be unable to reach the folder. */
const QUIET = ['-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=2']

async function packageName(): Promise<string> {
  const depends = await run('apt-cache', ['depends', META_PACKAGE]).catch(() => '')
  const [, name] = /Depends: (linux-image-\S+)/.exec(depends) ?? []
  if (name === undefined)
    throw new Error(`apt knows no ${META_PACKAGE}: run apt-get update, on a Debian whose archive has it`)
  return name
}

/** modules.dep(5): "a: b c" when a needs b, and b needs c. */
export function inOrder(modulesDep: string): string[] {
  const needs = new Map(
    modulesDep.split('\n').flatMap((line) => {
      const [path, rest = ''] = line.split(':')
      return path ? [[path, rest.trim().split(' ').filter(Boolean)] as const] : []
    }),
  )
  const order: string[] = []
  for (const driver of DRIVERS) {
    const path = [...needs.keys()].find((one) => basename(one).startsWith(`${driver}.ko`))
    if (path === undefined) continue // built into this kernel
    for (const one of [...(needs.get(path) ?? []).toReversed(), path]) if (!order.includes(one)) order.push(one)
  }
  return order
}
