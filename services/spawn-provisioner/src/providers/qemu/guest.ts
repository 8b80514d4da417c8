import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, statSync, truncateSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '@powernode/clock'
import type { Payload } from '@powernode/payload'
import { processesWith } from '@powernode/process'
import { beginConsole } from '../console.ts'
import { beWanted, type InstanceDir } from '../instance-dir.ts'
import { argumentsOf } from './arguments.ts'
import { runDir, writeFirmware } from './firmware.ts'

type Environment = Readonly<Record<string, string>>

export type Start = {
  readonly instance: InstanceDir
  readonly image: string
  readonly cpus: number
  readonly memoryMib: number
  readonly door: { readonly host: string; readonly port: number }
  readonly payload: Partial<Payload>
}

type Deps = {
  readonly environment: Environment
  readonly accel: 'tcg' | 'kvm'
  readonly endsWith?: number | undefined
}

const QEMU = 'qemu-system-x86_64'
const run = promisify(execFile)

/** Starts the guest; returns when QEMU has read its payload, which is then nowhere on this host any more. */
export async function startGuest(start: Start, { environment, accel, endsWith }: Deps): Promise<void> {
  const { instance, image, payload } = start
  const parent = await parentOf(payload.parent_url)
  beWanted(instance)
  const firmware = writeFirmware(instance.instanceId, payload)
  const [consoleSocket, pidFile] = [join(runDir(instance.instanceId), 'console'), join(instance.dir, 'qemu.pid')]
  rmSync(consoleSocket, { force: true })
  beginConsole(instance.console)
  const args = argumentsOf({
    ...start,
    accel,
    disk: join(instance.dir, 'child.ext4'),
    firmware: firmware.files,
    consoleSocket,
    consoleLog: instance.console,
    pidFile,
    parent,
    busybox: join(image, 'busybox'),
  })
  try {
    // -daemonize: QEMU returns when everything it was told is done, or says what of it could not be.
    await run(QEMU, args, { env: environment, timeout: 60_000 })
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string } // what execFile rejects with
    throw new Error(`QEMU did not start: ${stderr.trim().split('\n').at(-1) || message}`, { cause })
  } finally {
    firmware.forget()
  }
  if (endsWith !== undefined) await endWith(endsWith, pidFile, instance.instanceId)
}

/** The parent's gateway as an address: the name is looked up here, since the guest can ask nobody. */
async function parentOf(url: string | undefined): Promise<{ host: string; port: number } | undefined> {
  if (url === undefined) return undefined
  const { hostname, port } = new URL(url)
  const { address } = await lookup(hostname.replaceAll(/[[\]]/g, '')).catch((cause: unknown) => {
    throw new Error(`the host of the parent's URL ${url} is not known here`, { cause })
  })
  return { host: address, port: port === '' ? 443 : Number(port) }
}

/** A shell that waits for the end of either: QEMU itself cannot be told to end with another process. */
async function endWith(launcher: number, pidFile: string, instanceId: string): Promise<void> {
  const script = [
    'qemu=$(cat "$2")',
    'while kill -0 "$1" 2>/dev/null && kill -0 "$qemu" 2>/dev/null; do sleep 1; done',
    'kill -0 "$1" 2>/dev/null && exit', // a launcher that is there looks after the rest itself
    'kill -9 "$qemu" 2>/dev/null; rm -rf "$3"',
  ].join('\n')
  const args = ['-c', script, 'sh', String(launcher), pidFile, runDir(instanceId)]
  const watch = spawn('/bin/sh', args, { detached: true, stdio: 'ignore', cwd: '/' })
  await once(watch, 'spawn')
  watch.unref()
}

const ORDERLY_MS = 30_000

/** Asks the guest's init to end everything in order, and waits for that; whoever calls ends it the hard way next. */
export async function powerOff({ instanceId, dir }: InstanceDir, clock: Clock, signal: AbortSignal): Promise<void> {
  const socket = connect(join(runDir(instanceId), 'console'))
  socket.on('error', () => undefined) // a guest without a console ends the hard way
  socket.write('poweroff\n')
  const until = clock.now().getTime() + ORDERLY_MS
  while (clock.now().getTime() < until && !signal.aborted && processesWith(`-pidfile ${dir}/`).length > 0)
    await clock.sleep(100, signal)
  socket.destroy()
}

/** Makes the disk as large as it was asked to be; it is never made smaller than the image's. */
export async function growDisk(disk: string, bytes: number): Promise<void> {
  if (bytes <= statSync(disk).size) return
  truncateSync(disk, bytes - (bytes % 4_096))
  await run('resize2fs', [disk], { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } }).catch((cause: unknown) => {
    throw new Error('the disk could not be made larger: resize2fs of e2fsprogs is needed', { cause })
  })
}

/** What of this host a guest needs and there is not, with the command that brings it; or undefined. */
export function missingTools({ PATH = '' }: Environment): string | undefined {
  const folders = PATH.split(delimiter)
  if (folders.some((folder) => existsSync(join(folder, QEMU)))) return undefined
  return `${QEMU} is not installed: apt-get install --no-install-recommends qemu-system-x86`
}
