import { Compiler, type Updated } from './compile/incremental.ts'
import type { Intent } from './intent/intent.ts'
import { worldOf } from './intent/world-of.ts'
import { Model } from './model/model.ts'
import type { Plan } from './plan.ts'
import type { Crossing, OvnDeployment, World } from './world.ts'

/** What is compiled beside the records of intent. */
export type Beside = {
  readonly crossings: readonly Crossing[]
  /** Deployments of OVN that ended, at the nodes that have not said yet that they are done with them. */
  readonly endings: readonly OvnDeployment[]
}

/** The whole network at one moment: what is wanted, what is known of peers, and what follows for every node. */
export type Network = Beside & {
  /** Of the count in intent_state: the same count is the same network. */
  readonly version: number
  readonly intent: Intent
  readonly world: World
  readonly plan: Plan
}

/**
 * Compiles one network after the other, each from what was made for the one before: a change costs what it touches. Every
 * network it gives is whole by itself, and one that is tried and given up does no harm to those that follow.
 */
export class NetworkCompiler {
  readonly #trustDomain: string
  readonly #around: (compile: () => Updated) => Updated
  readonly #compiler = new Compiler()
  readonly #models = new WeakMap<Network, Model>()
  #kept: Network | undefined
  #reading: Promise<Network> | undefined
  #next: Promise<Network> | undefined
  #lastModel: Model | undefined

  /** `around` is given each compilation to be done: whoever measures it has a stopwatch, which we do not. */
  constructor(trustDomain: string, around: (compile: () => Updated) => Updated = (compile) => compile()) {
    this.#trustDomain = trustDomain
    this.#around = around
  }

  /** The network that the database was last seen with. */
  get kept(): Network | undefined {
    return this.#kept
  }

  /** What was written, or read: what is older is not kept. */
  keep(network: Network): Network {
    if (!this.#kept || network.version >= this.#kept.version) this.#kept = network
    return network
  }

  /**
   * The network as `read` finds it. When it changes, everybody who watches asks at once: one reads it and compiles, and those who
   * come meanwhile share the next reading. Nobody is given one that began before it asked: what was committed by then is in it.
   */
  now(read: () => Promise<Network>): Promise<Network> {
    if (!this.#reading) return this.#read(read)
    this.#next ??= this.#reading.then(nothing, nothing).then(() => {
      this.#next = undefined
      return this.#read(read)
    })
    return this.#next
  }

  #read(read: () => Promise<Network>): Promise<Network> {
    const reading = read()
      .then((network) => this.keep(network))
      .finally(() => {
        if (this.#reading === reading) this.#reading = undefined
      })
    this.#reading = reading
    return reading
  }

  compile(version: number, intent: Intent, { crossings, endings }: Beside): Network {
    const world = worldOf(intent, { trustDomain: this.#trustDomain, crossings, endings })
    const { plan } = this.#around(() => this.#compiler.update(world))
    return { version, intent, crossings, endings, world, plan }
  }

  /** What the compiled texts mean; read when somebody asks. */
  modelOf(network: Network): Model {
    const known = this.#models.get(network)
    if (known) return known
    const model = new Model({ plan: network.plan, world: network.world }, { before: this.#lastModel })
    this.#models.set(network, model)
    this.#lastModel = model
    return model
  }
}

const nothing = (): void => undefined
