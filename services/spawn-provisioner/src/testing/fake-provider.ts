import type { Payload } from '@powernode/payload'
import { z } from 'zod'
import {
  configAs,
  type InstanceState,
  type Provider,
  type ProviderFactory,
  type Wanted,
} from '../providers/provider.ts'

type Machine = {
  readonly wanted: Wanted
  readonly startedAt: Date
  payload: Payload
  state: Exclude<InstanceState, 'gone'>
  progress: string
  console: string[]
  starts: number
}

type Verb = 'create' | 'stamp' | 'look' | 'restart' | 'terminate' | 'list'

/**
 * What stands outside of us when there is no real machine: it remembers what was made, however often the provider that
 * made it is opened anew. Machines boot when a test says so.
 */
export class FakeCloud {
  readonly machines = new Map<string, Machine>()
  /** Why it makes nothing now. */
  unready: string | undefined
  /** Why no replica of our database could live on its machines. */
  unfit: string | undefined
  /** Says yes to everything and does nothing. */
  idle = false
  readonly #held = new Map<Verb, Promise<void>>()
  #hangs = false
  /** Who was not answered. */
  waiting = 0
  readonly #broken = new Map<Verb, { readonly error: Error; readonly after: boolean }>()
  readonly #failures = new Map<Verb, { readonly error: Error; readonly after: boolean }>()

  /** The next call fails: before anything is done, or `after` it was, as when only the answer is lost. */
  failNext(verb: Verb, error: Error, after = false): void {
    this.#failures.set(verb, { error, after })
  }

  /** Every call fails, before or `after` anything is done, until it is said again without an error. */
  failAlways(verb: Verb, error?: Error, after = false): void {
    if (error) this.#broken.set(verb, { error, after })
    else this.#broken.delete(verb)
  }

  /** The next call is not answered before it is let go, with what this returns. */
  hold(verb: Verb): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held.set(verb, promise)
    return resolve
  }

  /** From now on no call is answered. */
  hang(): void {
    this.#hangs = true
  }

  /** The guest comes up, and says so. */
  boot(ref: string): void {
    this.say(ref, 'serving')
    this.#machine(ref).state = 'running'
  }

  say(ref: string, progress: string): void {
    const machine = this.#machine(ref)
    machine.progress = progress
    machine.console.push(progress)
  }

  /** The machine ends by itself. */
  crash(ref: string): void {
    this.#machine(ref).state = 'stopped'
  }

  async act<T>(verb: Verb, does: () => T, otherwise: T): Promise<T> {
    const held = this.#held.get(verb)
    this.#held.delete(verb)
    if (held) {
      this.waiting += 1
      await held
    }
    if (this.#hangs) {
      this.waiting += 1
      await new Promise<never>(() => undefined)
    }
    const failure = this.#broken.get(verb) ?? this.#failures.get(verb)
    this.#failures.delete(verb)
    if (failure && !failure.after) throw failure.error
    const done = this.idle ? otherwise : does()
    if (failure) throw failure.error
    return done
  }

  #machine(ref: string): Machine {
    const machine = this.machines.get(ref)
    if (!machine) throw new Error(`the instance ${ref} is gone`)
    return machine
  }
}

/** The kind `fake`: machines of a cloud that is a test's own. It passes the suite that the real ones pass. */
export function fakeProvider(cloud: FakeCloud): ProviderFactory {
  return (config, { clock }): Provider => {
    configAs(z.strictObject({}), config)
    const existing = (ref: string) => {
      const machine = cloud.machines.get(ref)
      if (!machine) throw new Error(`the instance ${ref} is gone`)
      return machine
    }
    const begin = (machine: Machine) => {
      Object.assign(machine, { state: 'booting', progress: 'starting', starts: machine.starts + 1 })
    }
    return {
      kind: 'fake',
      ready: async () => cloud.unready,
      unfit: (mode) => (mode === 'cluster_member' ? cloud.unfit : undefined),
      create: (wanted, payload) =>
        cloud.act(
          'create',
          () => {
            const ref = `fake:${wanted.instanceId}`
            const made = { wanted, payload, startedAt: clock.now(), progress: '', console: [], starts: 0 }
            const machine: Machine = cloud.machines.get(ref) ?? { ...made, state: 'stopped' }
            cloud.machines.set(ref, machine)
            if (machine.state === 'stopped') begin(machine)
            return { ref }
          },
          { ref: `fake:${wanted.instanceId}` },
        ),
      stamp: (ref, payload) => cloud.act('stamp', () => void (existing(ref).payload = payload), undefined),
      look: (ref) =>
        cloud.act(
          'look',
          () => {
            const { state, progress, console } = cloud.machines.get(ref) ?? { state: 'gone', progress: '', console: [] }
            return { state, progress, console: console.slice() }
          },
          { state: 'gone', progress: '', console: [] },
        ),
      restart: (ref) => cloud.act('restart', () => begin(existing(ref)), undefined),
      terminate: (ref) => cloud.act('terminate', () => void cloud.machines.delete(ref), undefined),
      list: () =>
        cloud.act(
          'list',
          () =>
            [...cloud.machines].map(([ref, { wanted, startedAt }]) => ({
              ref,
              instanceId: wanted.instanceId,
              startedAt,
            })),
          [],
        ),
    }
  }
}
