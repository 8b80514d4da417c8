import { programOf } from './bundled/service-program.ts'
import { startChild } from './child.ts'
import { environmentOf, type Settings } from './environment.ts'
import { logFile, type Layout } from './layout.ts'
import { type ServiceName } from './services.ts'
import { type Life } from './supervise.ts'

/**
 * What every service is run with. New objects have 32 MiB instead of 16 until they are collected, so that at 10,000 calls a second
 * fewer of them have to be moved (`npm run bench -- federated-call`); a service at rest does not take the room.
 */
const NODE_FLAGS = ['--tls-min-v1.3', '--max-semi-space-size=32']

/** Starts one service as a process of its own. Its log goes to a file of the platform's directory. */
export async function startService(service: ServiceName, layout: Layout, settings: Settings): Promise<Life> {
  const { args, compiled } = await programOf(service)
  return startChild({
    command: process.execPath,
    args: [...NODE_FLAGS, ...args],
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      NODE_COMPILE_CACHE: compiled,
      POWERNODE_EXIT_WITH_PARENT: '1',
      ...leaseOf(service),
      ...environmentOf(service, layout, settings),
    },
    cwd: layout.dir,
    logFile: logFile(layout, service),
    stopSignal: 'SIGTERM',
    deathSignal: 'SIGKILL', // Postgres and NATS end at the same moment; there is nothing left to finish
  })
}

const HAVE_FEEDS: readonly ServiceName[] = ['peer-registry', 'grant-authz']

/** Where a second is no time, a developer or a test says so for every platform of the machine: POWERNODE_FEED_LEASE=3s. */
function leaseOf(service: ServiceName): Record<string, string> {
  const said = process.env['POWERNODE_FEED_LEASE']
  return said !== undefined && HAVE_FEEDS.includes(service) ? { FEED_LEASE: said } : {}
}
