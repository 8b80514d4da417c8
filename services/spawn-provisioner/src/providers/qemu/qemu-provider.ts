import { copyFileSync, constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entriesOf, type Payload } from '@powernode/payload'
import { processesWith } from '@powernode/process'
import { z } from 'zod'
import { readConsole } from '../console.ts'
import { freePort } from '../free-port.ts'
import { instanceDir, instancesIn, markInstance, markOf, removeInstance, type InstanceDir } from '../instance-dir.ts'
import { endAll } from '../local-process.ts'
import { configAs, type Provider, type ProviderFactory, type Wanted } from '../provider.ts'
import { runDir } from './firmware.ts'
import { currentImage, flawOf, liveBy } from './image.ts'
import { growDisk, missingTools, powerOff, startGuest } from './guest.ts'

const config = z.strictObject({
  /** The folder of an image; the one built last unless said. */
  image: z.string().optional(),
  accel: z.enum(['tcg', 'kvm']).default('tcg'),
  /** The address of this host that the children's doors are forwarded from: where the parent reaches them. */
  door_host: z
    .string()
    .regex(/^[0-9a-zA-Z.]+$/, 'is not an address')
    .default('127.0.0.1'),
})

/** Below this a whole platform does not fit: Postgres, NATS and node with every service. */
const LEAST_MIB = 1_024
const MIB = 1_048_576

/**
 * Children as virtual machines of this host, from one image (deploy/qemu) and each with a disk of its own.
 *
 * A guest is handed its payload by the firmware, and the host keeps the rest of it but never the token. So a guest that is
 * started again before it spoke has none, says so, and is given another with `stamp`.
 */
export const qemuProvider: ProviderFactory = (said, { clock, dir: base, cacheDir, environment, endsWith }) => {
  const { image: named, accel, door_host: host } = configAs(config, said)
  const at = (ref: string) => instanceDir(base, ref)
  const deps = { environment, accel, endsWith }

  async function start(instance: InstanceDir, payload: Partial<Payload>): Promise<void> {
    const wanted = markOf(instance)
    const about = aboutOf(instance)
    if (!wanted || !about) throw new Error(`the instance ${instance.instanceId} is gone`)
    const memoryMib = Math.max(LEAST_MIB, Math.floor(wanted.memoryBytes / MIB))
    const door = { host, port: about.doorPort }
    await startGuest({ instance, image: about.image, cpus: Math.max(1, wanted.cpus), memoryMib, door, payload }, deps)
  }

  /** The disk and the port, once: a guest that is started again has both as before. */
  async function prepare(instance: InstanceDir, wanted: Wanted, payload: Payload): Promise<About> {
    const image = currentImage(cacheDir, named)
    const flaw = flawOf(image)
    if (flaw !== undefined) throw new Error(flaw)
    liveBy(image, instance)
    const part = `${diskOf(instance)}.part`
    copyFileSync(join(image, 'child.ext4'), part, constants.COPYFILE_FICLONE)
    await growDisk(part, wanted.diskBytes)
    renameSync(part, diskOf(instance))
    const doorPort = await freePort(host)
    const about = { image, doorPort, payload: tokenless(payload, `https://${host}:${doorPort}`) }
    writeFileSync(`${aboutFile(instance)}.new`, JSON.stringify(about), { mode: 0o600 })
    renameSync(`${aboutFile(instance)}.new`, aboutFile(instance))
    return about
  }

  const provider: Provider = {
    kind: 'qemu',
    unfit: (spawnMode) =>
      spawnMode === 'cluster_member'
        ? "its guests reach our gateway and nothing else, so none can follow our Postgres, nor be reached once it led in our Postgres' place"
        : undefined,
    ready: async () => missingTools(environment) ?? flawOf(currentImage(cacheDir, named)),
    async create(wanted, payload) {
      const instance = at(wanted.instanceId)
      markInstance(instance, wanted, clock.now())
      const about = aboutOf(instance) ?? (await prepare(instance, wanted, payload))
      if (!isUp(instance)) await start(instance, { ...payload, ...about.payload })
      return { ref: wanted.instanceId }
    },
    async stamp(ref, payload, signal) {
      const instance = at(ref)
      const about = aboutOf(instance)
      if (!about) throw new Error(`the instance ${ref} is gone`)
      // What a firmware shows is fixed when its machine starts.
      await stop(instance, signal)
      await start(instance, { ...payload, ...about.payload })
    },
    async look(ref) {
      const instance = at(ref)
      if (!markOf(instance)) return { state: 'gone', progress: '', console: [] }
      const { serves, progress, lines } = readConsole(instance.console)
      return { state: isUp(instance) ? (serves ? 'running' : 'booting') : 'stopped', progress, console: lines }
    },
    async restart(ref, signal) {
      const instance = at(ref)
      const about = aboutOf(instance)
      if (!about) throw new Error(`the instance ${ref} is gone`)
      await stop(instance, signal)
      await start(instance, about.payload)
    },
    async terminate(ref, signal) {
      const instance = at(ref)
      await end(instance, signal)
      rmSync(runDir(instance.instanceId), { recursive: true, force: true })
      removeInstance(instance)
    },
    list: async () => instancesIn(base),
  }

  /** QEMU, and the shell that watches it: both bear the path of its number. */
  const end = (instance: InstanceDir, signal: AbortSignal) => endAll(`${instance.dir}/qemu.pid`, clock, signal)
  /** In order where the machine still listens: what it wrote a moment ago, its keys among it, may not be on its disk yet. */
  async function stop(instance: InstanceDir, signal: AbortSignal): Promise<void> {
    if (isUp(instance)) await powerOff(instance, clock, signal)
    await end(instance, signal)
  }
  return provider
}

/** What of an instance is settled with its first start. */
type About = {
  readonly image: string
  readonly doorPort: number
  /** The payload without its token, and with where the parent reaches the child. */
  readonly payload: Partial<Payload>
}

const aboutFile = ({ dir }: InstanceDir) => join(dir, 'guest.json')
const diskOf = ({ dir }: InstanceDir) => join(dir, 'child.ext4')
const isUp = ({ dir }: InstanceDir) => processesWith(`-pidfile ${dir}/`).length > 0

function aboutOf(instance: InstanceDir): About | undefined {
  if (!existsSync(aboutFile(instance))) return undefined
  return JSON.parse(readFileSync(aboutFile(instance), 'utf8'))
}

function tokenless(payload: Payload, advertiseUrl: string): Partial<Payload> {
  const rest = Object.fromEntries(entriesOf(payload).filter(([key]) => key !== 'acceptance_token'))
  return { advertise_url: advertiseUrl, ...rest }
}
