import { join } from 'node:path'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import { ConfigRefused, type Provider, type ProviderFactory } from '../providers/provider.ts'
import { configOfKind, mostInstances } from '../provider-limit.ts'
import type { ProviderRecord } from '../records.ts'

export type ProviderKinds = Readonly<Record<string, ProviderFactory>>

type Deps = {
  readonly clock: Clock
  readonly logger: Logger
  readonly config: {
    readonly stateDir: string
    readonly cacheDir: string
    readonly endsWithPid: number | undefined
    readonly providerKinds: readonly string[]
    readonly childEnvironment: Readonly<Record<string, string>>
  }
}

/** The providers that there are records of, each made once from what its record says. */
export class OpenProviders {
  readonly #deps: Deps
  readonly #kinds: ProviderKinds
  readonly #open = new Map<string, { readonly revision: number; readonly provider: Provider }>()

  constructor(deps: Deps, kinds: ProviderKinds) {
    this.#deps = deps
    this.#kinds = Object.fromEntries(Object.entries(kinds).filter(([kind]) => deps.config.providerKinds.includes(kind)))
  }

  /** The provider of a record. Throws a Refusal for a kind that does not run here, and for a configuration without sense. */
  of(record: Pick<ProviderRecord, 'id' | 'name' | 'kind' | 'config' | 'revision'>): Provider {
    const known = this.#open.get(record.id)
    if (known?.revision === record.revision) return known.provider
    const provider = this.#make(record)
    this.#open.set(record.id, { revision: record.revision, provider })
    return provider
  }

  #make({ id, name, kind, config }: Pick<ProviderRecord, 'id' | 'name' | 'kind' | 'config'>): Provider {
    const factory = Object.hasOwn(this.#kinds, kind) ? this.#kinds[kind] : undefined
    if (!factory)
      throw new Refusal(
        'PROVIDER_KIND_UNKNOWN',
        `${kind} is not made here; there ${Object.keys(this.#kinds).length === 0 ? 'is none' : `are ${Object.keys(this.#kinds).join(', ')}`}`,
      )
    mostInstances(config) // it is asked for with every spawn, and MUST make sense from the beginning
    const { clock, logger } = this.#deps
    const { stateDir, cacheDir, endsWithPid: endsWith, childEnvironment: environment } = this.#deps.config
    try {
      return factory(configOfKind(config), {
        clock,
        logger,
        cacheDir,
        environment,
        endsWith,
        dir: join(stateDir, 'providers', id),
      })
    } catch (error) {
      if (!(error instanceof ConfigRefused)) throw error
      throw new Refusal('REQUEST_INVALID', `${name}: ${error.message}`)
    }
  }
}
