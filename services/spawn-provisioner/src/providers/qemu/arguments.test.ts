import { existsSync, rmSync, statSync } from 'node:fs'
import { randomBytes, randomUUID } from 'node:crypto'
import { somePayload } from '@powernode/payload/testing'
import { afterEach, expect, test } from 'vitest'
import { argumentsOf, type Guest } from './arguments.ts'
import { runDir, writeFirmware } from './firmware.ts'

const GUEST: Guest = {
  image: '/images/current',
  disk: '/instances/1/child.ext4',
  cpus: 2,
  memoryMib: 1_024,
  accel: 'tcg',
  firmware: [],
  consoleSocket: '/dev/shm/1/console',
  consoleLog: '/instances/1/console.log',
  pidFile: '/instances/1/qemu.pid',
  door: { host: '127.0.0.1', port: 40_000 },
  parent: { host: '127.0.0.1', port: 7_443 },
  busybox: '/images/current/busybox',
}

const after = (args: readonly string[], option: string) => args[args.indexOf(option) + 1]

const INSTANCE = randomUUID()
afterEach(() => rmSync(runDir(INSTANCE), { recursive: true, force: true }))

test("a guest reaches its parent's gateway and nothing else, and is reached at its door", () => {
  const network = after(argumentsOf(GUEST), '-netdev')
  expect(network).toBe(
    'user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:40000-10.0.2.15:17443,' +
      'guestfwd=tcp:10.0.2.100:443-cmd:/images/current/busybox nc 127.0.0.1 7443',
  )
  const { parent: _parent, ...alone } = GUEST
  expect(after(argumentsOf(alone), '-netdev')).not.toContain('guestfwd')
})

test('the payload is handed over by files that only we can read, and never on the command line', () => {
  const token = randomBytes(32).toString('base64url')
  const firmware = writeFirmware(INSTANCE, somePayload({ acceptance_token: token }))
  const args = argumentsOf({ ...GUEST, firmware: firmware.files })
  expect(args.join(' ')).not.toContain(token)
  expect(args.join(' ')).toContain('name=opt/com.powernode/acceptance_token,file=')
  for (const [, file] of firmware.files) expect(statSync(file).mode & 0o077).toBe(0)
  firmware.forget()
  for (const [, file] of firmware.files) expect(existsSync(file)).toBe(false)
})

test('with hardware that helps, code is compiled and the kernel is as Debian has it; emulated, neither', () => {
  expect(after(argumentsOf(GUEST), '-append')).toMatch(/ powernode\.emulated tsc=reliable /)
  expect(after(argumentsOf({ ...GUEST, accel: 'kvm' }), '-append')).toBe('console=ttyS0 quiet panic=-1')
})
