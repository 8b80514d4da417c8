import { existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writePayload } from '@powernode/payload'
import { processesWith, processName } from '@powernode/process'
import { z } from 'zod'
import { hasBegun, readConsole } from '../console.ts'
import {
  beWanted,
  instanceDir,
  instancesIn,
  markInstance,
  markOf,
  removeInstance,
  type InstanceDir,
} from '../instance-dir.ts'
import { endAll, launch, send } from '../local-process.ts'
import { configAs, type Provider, type ProviderFactory } from '../provider.ts'

const BOOT = fileURLToPath(new URL('../../../../../deploy/child/boot.ts', import.meta.url))

const config = z.strictObject({
  /** Each service of a child as a process of its own, as on a host; else all of them in one, which starts faster. */
  processes: z.boolean().default(false),
})

/**
 * Children as processes of this host: a whole platform each, with its own directory, database and ports.
 *
 * A child outlives this service and is found again by the process table. With `endsWith` it watches the launcher itself,
 * so that a demo or a test leaves nothing behind however it ends.
 */
export const processProvider: ProviderFactory = (said, { clock, dir: base, cacheDir, environment, endsWith }) => {
  const { processes } = configAs(config, said)
  const at = (ref: string) => instanceDir(base, ref)

  /** First the machine itself, which ends in order all it started; then a Postgres and a NATS that a crash of it left. */
  async function stop(instance: InstanceDir, signal: AbortSignal): Promise<void> {
    for (const mark of [bootOf(instance), ` -D ${instance.dir}/`, ` -c ${instance.dir}/`])
      await endAll(mark, clock, signal)
  }

  async function start(instance: InstanceDir): Promise<void> {
    const launcher = endsWith === undefined ? undefined : processName(endsWith)
    const args = [
      '--tls-min-v1.3',
      BOOT,
      '--dir',
      instance.dir,
      '--payload',
      payloadRoot(instance),
      '--cache',
      cacheDir,
    ]
    if (launcher) args.push('--ends-with', `${launcher.pid}:${launcher.started}`)
    if (processes) args.push('--processes')
    const env = { ...environment, NODE_COMPILE_CACHE: join(cacheDir, 'compile') }
    await launch({ command: process.execPath, args, env, console: instance.console })
  }

  const provider: Provider = {
    kind: 'process',
    ready: async () =>
      existsSync(BOOT) ? undefined : `${BOOT} is missing: this host holds no whole platform to start`,
    async create(wanted, payload) {
      const instance = at(wanted.instanceId)
      markInstance(instance, wanted, clock.now())
      if (!isUp(instance)) {
        await writePayload(payloadRoot(instance), payload)
        beWanted(instance)
        await start(instance)
      }
      return { ref: wanted.instanceId }
    },
    async stamp(ref, payload) {
      const instance = at(ref)
      if (!markOf(instance)) throw new Error(`the instance ${ref} is gone`)
      await writePayload(payloadRoot(instance), payload)
      beWanted(instance)
      // boot.ts: the agent is begun anew, and reads what stands there now. One that has not come so far reads it anyway.
      if (hasBegun(instance.console)) for (const pid of boots(instance)) send(pid, 'SIGHUP')
    },
    async look(ref) {
      const instance = at(ref)
      if (!markOf(instance)) return { state: 'gone', progress: '', console: [] }
      const { serves, progress, lines } = readConsole(instance.console)
      return { state: isUp(instance) ? (serves ? 'running' : 'booting') : 'stopped', progress, console: lines }
    },
    async restart(ref, signal) {
      const instance = at(ref)
      if (!markOf(instance)) throw new Error(`the instance ${ref} is gone`)
      await stop(instance, signal)
      beWanted(instance)
      await start(instance)
    },
    async terminate(ref, signal) {
      const instance = at(ref)
      await stop(instance, signal)
      for (const refuge of refuges(instance)) {
        await endAll(refuge, clock, signal)
        rmSync(refuge, { recursive: true, force: true })
      }
      removeInstance(instance)
    },
    list: async () => instancesIn(base),
  }
  return provider
}

/** The payload lies as the kernel would show it, so that the same code reads it. */
const payloadRoot = ({ dir }: InstanceDir) => join(dir, 'fw_cfg')

/** How the machine itself was started: what it bears on its command line, and nothing that it started does. */
const bootOf = ({ dir }: InstanceDir) => `${BOOT} --dir ${dir} `
const boots = (instance: InstanceDir) => processesWith(bootOf(instance))
const isUp = (instance: InstanceDir) => boots(instance).length > 0

/** Directories under /var/tmp that a Postgres of the instance was given, because its user reaches none of ours. */
function refuges({ dir }: InstanceDir): string[] {
  const notes = globSync(['platform/postgres/elsewhere', 'state/**/elsewhere'], { cwd: dir })
  const named = notes.map((note) => readFileSync(join(dir, note), 'utf8').trim())
  return named.filter((path) => /^\/var\/tmp\/powernode-[0-9a-f]{32}$/.test(path))
}
