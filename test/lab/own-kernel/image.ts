import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs' // prettier-ignore
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, GUEST_ROOT } from '../../../deploy/qemu/bundle.ts'
import { makeDisk } from '../../../deploy/qemu/disk.ts'
import { initrd } from '../../../deploy/qemu/image.ts'
import { fetchKernel } from '../../../deploy/qemu/kernel.ts'
import { withLibraries } from '../../../deploy/qemu/system.ts'
import type { Tool } from '../../../deploy/qemu/tools.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** What must be installed here for a machine to have it. */
export const FROM_HERE = [
  'ip',
  'nft',
  'wg',
  'ping',
  'conntrack',
  'vtysh',
  'zebra',
  'staticd',
  'bgpd',
  'frr-reload.py',
] as const

/** What the lab and the agent run, as this machine has it; what is missing there is busybox's. */
const PROGRAMS = 'bash ip nft wg ping conntrack setpriv nsenter sysctl modprobe timeout install chown grep vtysh'.split(
  ' ',
)
/** FRR, the language of its frr-reload.py, and what vtysh asks whether it may. */
const DAEMONS = ['zebra', 'staticd', 'bgpd'].map((name) => `/usr/lib/frr/${name}`)
const RELOAD = '/usr/lib/frr/frr-reload.py'
const PYTHON = '/usr/bin/python3'
const PERMIT = '/usr/lib/x86_64-linux-gnu/security/pam_permit.so'
/** Its own shell would take its own `ip` for ours: it is not asked. */
const APPLETS =
  'mount umount mkdir cat ls rm kill sleep cut head tail poweroff sync echo hostname dmesg ps id env'.split(' ')
const PLACES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The parts of the kernel's tree that networks are made of. */
const MODULES = ['kernel/net', 'kernel/crypto', 'kernel/lib', 'kernel/arch', 'kernel/drivers/net/wireguard']
const LINKS = ['vrf.ko', 'veth.ko', 'dummy.ko']

/** Makes a machine of Debian's kernel and this machine's tools, that runs a program of this project and ends: vmlinuz, initrd.cpio, system.ext4. */
export async function makeMachine(
  dir: string,
  said: { readonly program: string; readonly tools: Readonly<Record<Tool, string>> },
): Promise<void> {
  const { tools } = said
  const kernel = await fetchKernel(dir, tools)
  copyFileSync(kernel.vmlinuz, join(dir, 'vmlinuz'))
  writeFileSync(join(dir, 'initrd.cpio'), initrd(ROOT, tools, kernel.modules))
  const to = join(dir, 'system')
  layOutFolders(to)
  copyFileSync(join(ROOT, 'test/lab/own-kernel/init.sh'), join(to, 'usr/sbin/init'))
  await withLibraries(to, tools.busybox, '/usr/bin/busybox')
  await withLibraries(to, process.execPath, '/usr/bin/node')
  for (const name of PROGRAMS) {
    const at = PLACES.map((place) => join(place, name)).find(existsSync)
    if (at === undefined) throw new Error(`${name} is not installed here`)
    await withLibraries(to, at, at)
  }
  await layOutFrr(to)
  for (const name of APPLETS)
    if (!existsSync(join(to, 'usr/bin', name))) symlinkSync('busybox', join(to, 'usr/bin', name))
  symlinkSync('bash', join(to, 'usr/bin/sh'))
  layOutModules(kernel.tree, to)
  await bundle(ROOT, { story: said.program }, join(to, GUEST_ROOT, 'bundle'))
  await makeDisk(join(dir, 'system.ext4'), { from: to, mib: 384, journal: false, tools })
}

function layOutFolders(to: string): void {
  for (const folder of [
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
    'etc/frr',
    'usr/lib/frr',
    'var/tmp',
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'root',
  ])
    // prettier-ignore
    mkdirSync(join(to, folder), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(to, name))
  symlinkSync('../run', join(to, 'var/run'))
  for (const file of ['passwd', 'group', 'nsswitch.conf', 'iproute2', 'protocols', 'services'])
    if (existsSync(join('/etc', file))) cpSync(join('/etc', file), join(to, 'etc', file), { recursive: true })
  writeFileSync(join(to, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n')
}

async function layOutFrr(to: string): Promise<void> {
  for (const daemon of DAEMONS) await withLibraries(to, daemon, daemon)
  // Without this vtysh lets nobody in, root neither.
  await withLibraries(to, PERMIT, PERMIT)
  mkdirSync(join(to, 'etc/pam.d'))
  writeFileSync(join(to, 'etc/pam.d/frr'), 'auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n')
  await withLibraries(to, PYTHON, PYTHON)
  copyFileSync(RELOAD, join(to, RELOAD))
  chmodSync(join(to, RELOAD), 0o755)
  const library = `/usr/lib/${basename(realpathSync(PYTHON))}`
  // What was compiled is taken for that as long as it is as old as it was.
  const options = { recursive: true, preserveTimestamps: true, filter: (path: string) => !NOT_OF_PYTHON.test(path) }
  cpSync(library, join(to, library), options)
}

/** Half of its library is what programs in C are linked with, and its own tests. */
const NOT_OF_PYTHON = /\/(config-[^/]*|test|lib2to3|distutils|ensurepip)$/

function layOutModules(tree: string, to: string): void {
  const [version = ''] = readdirSync(tree)
  const from = join(tree, version)
  const into = join(to, 'usr/lib/modules', version)
  for (const folder of MODULES) cpSync(join(from, folder), join(into, folder), { recursive: true })
  for (const name of LINKS) copyFileSync(join(from, 'kernel/drivers/net', name), join(into, 'kernel/drivers/net', name))
  for (const name of readdirSync(from).filter((one) => one.startsWith('modules.')))
    copyFileSync(join(from, name), join(into, name))
}
