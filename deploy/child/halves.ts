import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { startInProcess } from '../dev/src/in-process.ts'
import type { Settings } from '../dev/src/environment.ts'
import type { Layout } from '../dev/src/layout.ts'
import type { ServiceName } from '../dev/src/services.ts'
import type { Life } from '../dev/src/supervise.ts'
import { inThisProcess } from './in-this-process.ts'

/** The word by which this program is the other half, and not a machine. */
export const OTHER_HALF = 'other-half'

/** Those that have about as much to do as the rest with the agent; whom the others ask first, peer-registry, is not among them. */
const FAR: ReadonlySet<ServiceName> = new Set(['grant-authz', 'liveness', 'spawn-provisioner', 'sdwan-compiler'])

type Asked =
  | { readonly start: ServiceName; readonly life: number; readonly layout: Layout; readonly settings: Settings }
  | { readonly stop: number }
type Told = { readonly exited: number }

/**
 * The services in two processes of the same program, one for each processor of an emulated machine: what a boot costs is our own code
 * at work, and one process has one processor only. The other half reads its code while Postgres starts, and ends with this process.
 */
export function inTwoHalves(program = process.argv[1] ?? ''): ReturnType<typeof inThisProcess> {
  const here = inThisProcess()
  let there = new FarHalf(program)
  return {
    ...here,
    async startService(service, layout, settings) {
      if (!FAR.has(service)) return here.startService(service, layout, settings)
      if (there.gone) there = new FarHalf(program)
      return there.start(service, layout, settings)
    },
  }
}

/** The other process, as seen from here. */
class FarHalf {
  readonly #process: ChildProcess
  readonly #exits = new Map<number, () => void>()
  #lives = 0
  gone = false

  constructor(program: string) {
    this.#process = spawn(process.execPath, [...process.execArgv, program, OTHER_HALF], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    this.#process.on('message', ({ exited }: Told) => this.#ended(exited))
    this.#process.once('error', () => this.#end())
    this.#process.once('exit', () => this.#end())
    // What is still open after the end of this process' own work must not hold it.
    this.#process.unref()
    this.#process.channel?.unref()
  }

  /** Begins a life of a service there. Returns at once: services of that half start one after the other. */
  start(service: ServiceName, layout: Layout, settings: Settings): Life {
    const life = (this.#lives += 1)
    const exited = new Promise<void>((resolve) => this.#exits.set(life, resolve))
    const stop = () => this.#ask({ stop: life })
    this.#ask({ start: service, life, layout, settings })
    return {
      pid: this.#process.pid ?? 0,
      exited,
      kill: stop,
      async stop() {
        stop()
        await exited
      },
    }
  }

  #ask(asked: Asked): void {
    if (!this.gone) this.#process.send(asked, (error) => error && this.#end())
  }

  #ended(life: number): void {
    this.#exits.get(life)?.()
    this.#exits.delete(life)
  }

  #end(): void {
    this.gone = true
    for (const life of this.#exits.keys()) this.#ended(life)
  }
}

/** Runs what the first half asks for, until that is gone. Signals are the first half's: it stops services in their order. */
export async function beOtherHalf(): Promise<void> {
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined)
  const lives = new Map<number, Life>()
  let starting = Promise.resolve()
  const begin = async ({ start, life, layout, settings }: Extract<Asked, { start: unknown }>) => {
    const listening = Promise.withResolvers<void>()
    const begun = await startInProcess(start, layout, settings, { onListening: () => listening.resolve() })
    lives.set(life, begun)
    void begun.exited.then(() => process.send?.({ exited: life } satisfies Told))
    await Promise.race([listening.promise, begun.exited])
  }
  process.on('message', (asked: Asked) => {
    if ('stop' in asked) starting = starting.then(() => lives.get(asked.stop)?.kill())
    else starting = starting.then(() => begin(asked))
  })
  await once(process, 'disconnect')
  process.exit()
}
