import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { backgroundClock, onSlowMachine, systemClock } from '@powernode/clock'
import { PayloadBroken } from '@powernode/payload'
import { isRunning, type ProcessName } from '@powernode/process'
import type { Settings } from '../dev/src/environment.ts'
import { explain } from '../dev/src/explain.ts'
import type { Site } from '../dev/src/layout.ts'
import { claimDirectory } from '../dev/src/owner.ts'
import { startPlatform } from '../dev/src/platform.ts'
import { startService } from '../dev/src/start-service.ts'
import { agentProcess } from './agent-process.ts'
import { keepAgent } from './agent.ts'
import { tell } from './console.ts'
import { beOtherHalf, inTwoHalves, OTHER_HALF } from './halves.ts'
import { inThisProcess } from './in-this-process.ts'
import { readMachine, type Machine } from './machine.ts'
import { ownPassword } from './own-password.ts'
import { openRoad } from './road.ts'

const PAYLOAD_BROKEN = 3
const WATCH_MS = 500
/** How long what is still open after the end may keep the machine up: services that could not start leave watchers behind. */
const LINGER_MS = 3_000
/**
 * An emulated machine is twenty times as slow as others: a round trip takes it most of a second. Whoever gives others up after a second or
 * five, and begins anew, takes the time that they lack: of a boot that never ended half of all work was for that.
 */
const TIMES_AS_SLOW = 5
/** And what looks every second never rests. */
const UNHURRIED: NonNullable<Settings['env']> = {
  'peer-registry': { FEED_LEASE: '5s' },
  'grant-authz': { FEED_LEASE: '5s' },
  liveness: { SWEEP_INTERVAL: '5s' },
}
/** An emulated machine on a busy host is slow, and its provider is the one who loses patience. */
const START_TIMEOUT_MS = 600_000

type Boot = {
  readonly dir: string
  readonly payload: string
  readonly cache: string
  /** Each service as a process of its own, all of them in two, or everything in this one. */
  readonly processes: boolean
  readonly halves: boolean
  /** Ports count from here; any that are free when it is not said. */
  readonly basePort: number | undefined
  /** Where the peers' door listens: this machine alone, unless said. */
  readonly doorHost: string | undefined
  /** The one address that the parent can be reached at, when its URL leads nowhere from here. */
  readonly parentThrough: string | undefined
}

/** Lives until it is told to stop, and then ends the process: with what the machine has to say in its exit code. */
export async function live(args: readonly string[]): Promise<void> {
  if (args[0] === OTHER_HALF) {
    onSlowMachine(TIMES_AS_SLOW)
    return beOtherHalf()
  }
  process.exitCode = await main(args)
  void exitIfLingering()
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: 'string' },
      payload: { type: 'string' },
      cache: { type: 'string' },
      processes: { type: 'boolean', default: false },
      halves: { type: 'boolean', default: false },
      'ends-with': { type: 'string' },
      'base-port': { type: 'string' },
      'door-host': { type: 'string' },
      'parent-through': { type: 'string' },
    },
  })
  const { dir, payload, cache, processes, halves, 'ends-with': launcher } = values
  if (dir === undefined || payload === undefined || cache === undefined) throw new Error('--dir, --payload and --cache')
  if (halves) onSlowMachine(TIMES_AS_SLOW)
  const stopping = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopping.abort())
  process.on('SIGHUP', () => undefined) // the agent listens too, once there is one; before, nobody is to die of it
  if (launcher !== undefined) void stopWith(launcher, stopping)
  mkdirSync(join(dir, 'state'), { recursive: true, mode: 0o711 })
  const release = claimDirectory(join(dir, 'state')) // two of one machine would each think itself the child
  try {
    const basePort = values['base-port'] === undefined ? undefined : Number(values['base-port'])
    const place = { basePort, doorHost: values['door-host'], parentThrough: values['parent-through'] }
    return await boot({ dir, payload, cache, processes, halves, ...place }, stopping.signal)
  } catch (error) {
    if (stopping.signal.aborted) return 0
    tell('progress', `cannot boot: ${explain(error)}`)
    return error instanceof PayloadBroken ? PAYLOAD_BROKEN : 1
  } finally {
    stopping.abort()
    release()
    tell('ended', 'the machine stops')
  }
}

async function boot(said: Boot, signal: AbortSignal): Promise<number> {
  const { dir, payload, cache, basePort, doorHost, parentThrough } = said
  tell('boot', dir)
  const machine = await readMachine(dir, payload)
  if (!machine) throw new PayloadBroken(['parent_url is missing'])
  if (parentThrough !== undefined) {
    const [host = '', port = ''] = parentThrough.split(':')
    await openRoad({ parentUrl: machine.parentUrl, through: { host, port: Number(port) } }, signal)
  }
  const { startService: start, agent } = placeOf(said)
  const platform = await startPlatform(
    {
      dir: join(dir, 'platform'),
      name: 'child',
      trustDomain: machine.trustDomain,
      basePort,
      site: { ...siteOf(machine), ...(doorHost !== undefined && { doorHost }) },
      settings: { allowLoopback: isLoopback(machine.parentUrl), ...(said.halves && { env: UNHURRIED }) },
      cacheDir: join(cache, 'bin'),
      startTimeoutMs: START_TIMEOUT_MS,
      startService: start,
      progress: (doing) => tell('progress', `starting: ${doing}`),
      report: ({ name, what }) => tell('progress', `${name} ${what}`),
    },
    signal,
  )
  try {
    await ownPassword(join(dir, 'platform', 'postgres'), platform.postgresUrl)
    tell('serving', platform.url)
    await keepAgent({ platform, stateDir: join(dir, 'state'), payload, live: agent, clock: systemClock }, signal)
    return 0
  } finally {
    await platform.stop()
  }
}

function placeOf({ processes, halves }: Boot): ReturnType<typeof inThisProcess> {
  if (processes) return { startService, agent: agentProcess }
  return halves ? inTwoHalves() : inThisProcess()
}

function siteOf({ hostname, contact, jurisdiction, advertiseUrl }: Machine): Partial<Site> {
  return {
    platformName: hostname,
    ...(contact !== '' && { contact }),
    ...(jurisdiction !== '' && { jurisdiction }),
    ...(advertiseUrl !== undefined && { endpoints: [{ url: advertiseUrl, scope: 'lan', priority: 0 }] }),
  }
}

/** A child of a parent that is only on this machine: then both are called at loopback addresses, and else nobody is. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** A demo or a test that is gone, by kill -9 too, takes its children with it. */
async function stopWith(launcher: string, stopping: AbortController): Promise<void> {
  const [pid, ...started] = launcher.split(':')
  const name: ProcessName = { pid: Number(pid), started: started.join(':') }
  while (!stopping.signal.aborted && isRunning(name)) await systemClock.sleep(WATCH_MS, stopping.signal)
  stopping.abort()
}

/** A machine whose start failed in its midst, because its directory was taken away, would else stand there for good. */
async function exitIfLingering(): Promise<void> {
  await backgroundClock.sleep(LINGER_MS, new AbortController().signal)
  process.exit(process.exitCode ?? 0)
}
