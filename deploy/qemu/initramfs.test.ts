import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cpio } from './cpio.ts'
import { inOrder } from './kernel.ts'
import { findTools } from './tools.ts'

test('modules are loaded after what they need', () => {
  const dep = [
    'kernel/drivers/net/virtio_net.ko: kernel/net/net_failover.ko kernel/core/failover.ko kernel/virtio/virtio.ko',
    'kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko',
    'kernel/firmware/qemu_fw_cfg.ko:',
    'kernel/sound/loud.ko: kernel/virtio/virtio.ko',
  ].join('\n')
  expect(inOrder(dep).map((path) => path.split('/').at(-1))).toEqual([
    'virtio.ko',
    'virtio_ring.ko',
    'virtio_pci.ko',
    'failover.ko',
    'net_failover.ko',
    'virtio_net.ko',
    'qemu_fw_cfg.ko',
  ])
})

test('a machine without the tools is told all that are missing, and the packages to install', () => {
  const nowhere = () => findTools('/nowhere', [])
  expect(nowhere).toThrow(
    /qemu-system-x86_64, busybox.*apt-get install .*qemu-system-x86 busybox-static kmod e2fsprogs/,
  )
})

const busybox = spawnSync('busybox', ['cpio', '--help']).status === 0 ? 'busybox' : undefined

test.runIf(busybox !== undefined)('an archive is unpacked as it was packed by a cpio that others wrote', () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-cpio-'))
  try {
    const content = Buffer.from('three')
    const archive = cpio([{ path: 'bin' }, { path: 'bin/odd', content, executable: true }, { path: 'plain', content }])
    writeFileSync(join(dir, 'archive'), archive)
    execFileSync('busybox', ['cpio', '-i', '-d'], { cwd: dir, input: archive, stdio: ['pipe', 'ignore', 'ignore'] })
    expect(readFileSync(join(dir, 'bin/odd'), 'utf8')).toBe('three')
    expect(statSync(join(dir, 'bin/odd')).mode & 0o777).toBe(0o755)
    expect(statSync(join(dir, 'plain')).mode & 0o777).toBe(0o644)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
