import type { Clock } from '@powernode/clock'
import type { Payload } from '@powernode/payload'
import type { JsonObject } from '@bufbuild/protobuf'
import type { Logger } from '@powernode/process'
import type { z } from 'zod'
import type { SpawnMode } from '../child.ts'

/** The machine that is asked for. */
export type Wanted = {
  /** UUID, drawn by us: the same one again is the same instance. */
  readonly instanceId: string
  readonly hostname: string
  /** The region's name, as its record says it. */
  readonly region: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly diskBytes: number
  /** What the template's record says, as it is. */
  readonly template: JsonObject
}

export type InstanceState = 'booting' | 'running' | 'stopped' | 'gone'

/** How an instance is. `progress` and `console` are what it said of itself; neither ever holds a secret. */
export type Look = {
  /** running: the platform on it serves. gone: there is nothing of it any more, or never was. */
  readonly state: InstanceState
  /** What it is doing, in a few words: a new word is a sign of life. */
  readonly progress: string
  /** The end of its console, oldest first. */
  readonly console: readonly string[]
}

/**
 * Something that makes machines. Whoever writes another reads docs/providers.md and runs testing/provider-suite.ts on it.
 *
 * Every call may be repeated, and may come again after a crash in its midst: what it finds half done it MUST finish or
 * begin anew. Every call ends soon after `signal` aborts. A failure is an Error whose sentence an operator can act upon,
 * and which holds no secret.
 */
export interface Provider {
  readonly kind: string
  /** Why it cannot make instances now and what would help, or undefined. */
  ready(signal: AbortSignal): Promise<string | undefined>
  /** Why a child of this mode could not live on what it makes, ever; undefined, or absent: it can. Asked before anything of it is made. */
  unfit?(spawnMode: SpawnMode): string | undefined
  /**
   * Makes and starts an instance that finds `payload`; does not wait for its boot.
   *
   * MUST be idempotent by `instanceId`: one that runs is left alone, whatever payload it was given. The token MUST be
   * readable by nobody but the instance, and MUST NOT stand on a command line, in a log or in what `look` says.
   */
  create(wanted: Wanted, payload: Payload, signal: AbortSignal): Promise<{ readonly ref: string }>
  /** Hands another payload to an instance that has not spoken yet. May start it anew for that. */
  stamp(ref: string, payload: Payload, signal: AbortSignal): Promise<void>
  look(ref: string, signal: AbortSignal): Promise<Look>
  /** Stops and starts it with the disk it has. */
  restart(ref: string, signal: AbortSignal): Promise<void>
  /** Returns when nothing is left of it: no process, no disk, no payload. One that never was is gone too. */
  terminate(ref: string, signal: AbortSignal): Promise<void>
  /** Everything that bears our mark, whether we remember having made it or not. */
  list(signal: AbortSignal): Promise<readonly Listed[]>
}

export type Listed = { readonly ref: string; readonly instanceId: string; readonly startedAt: Date }

/** What a provider is handed besides the configuration in its record. */
export type ProviderDeps = {
  readonly clock: Clock
  readonly logger: Logger
  /** This provider's own directory: its instances lie here. */
  readonly dir: string
  /** Where images and fetched binaries are kept, for all providers. */
  readonly cacheDir: string
  /** What a child on this host is handed of our environment: PATH and the like. Never the way to our own database. */
  readonly environment: Readonly<Record<string, string>>
  /** The process whose end is the end of every local instance: the launcher of a demo or a test. Without it they live on. */
  readonly endsWith?: number | undefined
}

/** Thrown by a factory for a record's configuration that makes no sense; the message says what is wrong with it. */
export class ConfigRefused extends Error {
  override name = 'ConfigRefused'
}

/** The configuration as this kind understands it, or `ConfigRefused`. */
export function configAs<T>(shape: z.ZodType<T>, said: JsonObject): T {
  const read = shape.safeParse(said)
  if (read.success) return read.data
  const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'configuration'}: ${message}`)
  throw new ConfigRefused(wrong.join('; '))
}

export type ProviderFactory = (config: JsonObject, deps: ProviderDeps) => Provider
