import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What an image is made with, and where Debian has it. None of them is run as root, and nothing is installed. */
const TOOLS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  depmod: 'kmod',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  setpriv: 'util-linux',
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
} as const

export type Tool = keyof typeof TOOLS

const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']

/** Where each tool is; or an error that names every one that is missing and the packages to install. */
export function findTools(path: string, more: readonly string[] = SBIN): Readonly<Record<Tool, string>> {
  const folders = [...path.split(delimiter), ...more]
  const names = Object.keys(TOOLS) as Tool[] // keys of a constant
  const found = names.map((name) => [name, folders.map((folder) => join(folder, name)).find(existsSync)] as const)
  const missing = found.flatMap(([name, at]) => (at === undefined ? [name] : []))
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((name) => TOOLS[name]))].join(' ')
    throw new Error(`an image needs ${missing.join(', ')}: apt-get install --no-install-recommends ${packages}`)
  }
  return Object.fromEntries(found) as Record<Tool, string> // none is missing
}
