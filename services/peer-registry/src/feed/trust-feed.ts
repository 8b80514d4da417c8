import { create } from '@bufbuild/protobuf'
import { Doorbell, type Clock } from '@powernode/clock'
import { inTransaction, type Db, type Listener } from '@powernode/postgres'
import { runTasks, type Logger } from '@powernode/process'
import { WatchTrustResponseSchema, type WatchTrustResponse } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import type { Tables } from '../store/tables.ts'
import { readLocal, type Local } from './routes.ts'
import { Watchers } from './watchers.ts'

export type TrustFeedDeps = {
  readonly db: Db<Tables>
  readonly listener: Listener
  readonly clock: Clock
  readonly logger: Logger
}

/** The channel on which the triggers of 0003_feed.sql ring. */
const CHANNEL = 'peer_registry_feed'
const LOOK_EVERY_MS = 3_000

/**
 * What WatchTrust tells our own services and operators: which roots and revocation lists are in force, anew whenever our
 * bundle is. It has no lease: a certificate is refused by what was heard last, until something newer is.
 */
export class TrustFeed {
  readonly #deps: TrustFeedDeps
  readonly #watchers = new Watchers<WatchTrustResponse>()
  readonly #bell = new Doorbell()
  readonly #loaded = Promise.withResolvers<void>()
  #local: Local | undefined

  constructor(deps: TrustFeedDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal): Promise<void> {
    await runTasks(signal, [
      (stop) => this.#deps.listener.listen(CHANNEL, () => this.#bell.ring(), stop),
      (stop) => this.#follow(stop),
    ])
  }

  /** Waits until our trust has been read once. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchTrustResponse> {
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    await Promise.race([this.#loaded.promise, aborted.promise])
    if (signal.aborted) return
    yield* this.#watchers.watch(() => (this.#local ? [trustUpdate(this.#local)] : []), signal)
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { db, clock, logger } = this.#deps
    while (!signal.aborted) {
      try {
        this.#tell(await inTransaction(db, readLocal))
        this.#loaded.resolve()
      } catch (error) {
        logger.warn({ task: 'feed', error }, 'our own trust cannot be read')
      }
      await this.#bell.wait(clock, LOOK_EVERY_MS, signal)
    }
  }

  #tell(local: Local): void {
    const isAnother = this.#local?.platform.bundleSequence !== local.platform.bundleSequence
    this.#local = local
    if (isAnother) this.#watchers.send([trustUpdate(local)])
  }
}

const trustUpdate = ({ platform, roots, crls, currentGeneration }: Local): WatchTrustResponse =>
  create(WatchTrustResponseSchema, {
    sequence: BigInt(platform.bundleSequence),
    roots: roots.map((der) => Uint8Array.from(der)),
    crls: crls.map((der) => Uint8Array.from(der)),
    currentGeneration,
  })
