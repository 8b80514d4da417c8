import { Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import * as children from '../store/children.ts'
import { prove, release, tryHold } from '../store/holds.ts'
import { driveChild } from './drive-child.ts'
import type { SagaDeps } from './performer.ts'

const LOOK_EVERY_MS = 1_000

/** The connection that holds our children; the database itself gives them to another replica when it breaks. */
type Holding = {
  readonly hold: (childId: string) => Promise<boolean>
  readonly release: (childId: string) => Promise<void>
  /** Aborts when they are held no more. */
  readonly signal: AbortSignal
}

/**
 * Attends to every child that is not settled: each is held by one replica, by an advisory lock of one connection, and
 * driven from where it stands. A replica that dies loses its children at once, and another goes on with them.
 */
export class Attendants {
  readonly #deps: SagaDeps
  readonly #bells = new Map<string, Doorbell>()
  readonly #underway = new Map<string, Promise<void>>()
  /** By which connection each is held. */
  readonly #reserved = new Map<string, Holding>()
  readonly #look = new Doorbell()
  #holding: Holding | undefined
  /** Resolves when there is a connection that holds. */
  #held = Promise.withResolvers<void>()

  constructor(deps: SagaDeps) {
    this.#deps = deps
  }

  /** Runs until told to stop; what is under way is left where it is, for whoever comes next. */
  async run(signal: AbortSignal): Promise<void> {
    await runTasks(signal, [
      (stop) => this.#deps.listener.listen('spawn_provisioner_rings', (childId) => this.#ring(childId), stop),
      (stop) => this.#attend(stop),
    ])
  }

  /**
   * Holds a child that is about to be written down, so that it is made here and nowhere else: the token of its invitation
   * never leaves this process but for the machine, and for whoever asked.
   */
  async reserve(childId: string, signal: AbortSignal): Promise<void> {
    if (!this.#holding) await Promise.race([this.#held.promise, once(signal)])
    const holding = this.#holding
    if (holding) this.#reserved.set(childId, holding)
    if (await holding?.hold(childId)) return
    this.#reserved.delete(childId)
    throw new Refusal('SERVICE_UNAVAILABLE', 'children cannot be attended to at this moment; ask again')
  }

  /** Whoever reserved it has written it down: it is driven from now on. */
  begin(childId: string): void {
    const holding = this.#reserved.get(childId)
    this.#reserved.delete(childId)
    // Held by a connection that broke since, it is anybody's: whoever takes it makes a token of its own.
    if (holding && holding === this.#holding) this.#drive(childId, holding.signal)
    else this.#look.ring()
  }

  /** It was not written down. */
  async abandon(childId: string): Promise<void> {
    this.#reserved.delete(childId)
    await this.#holding?.release(childId)
  }

  #ring(childId: string | undefined): void {
    if (childId === undefined) for (const bell of this.#bells.values()) bell.ring()
    else this.#bells.get(childId)?.ring()
    this.#look.ring()
  }

  async #attend(signal: AbortSignal): Promise<void> {
    const { db, clock, logger } = this.#deps
    while (!signal.aborted) {
      const lost = new AbortController()
      try {
        await db.connection().execute(async (connection) => {
          const held = AbortSignal.any([signal, lost.signal])
          this.#holding = {
            hold: (childId) => tryHold(connection, childId),
            release: (childId) => release(connection, childId),
            signal: held,
          }
          this.#held.resolve()
          await this.#round(() => prove(connection), held)
        })
      } catch (error) {
        logger.warn({ task: 'spawn', error }, 'children cannot be held; they are taken up again')
      } finally {
        this.#holding = undefined
        this.#held = Promise.withResolvers()
        this.#reserved.clear()
        lost.abort()
        await Promise.all(this.#underway.values())
      }
      await clock.sleep(LOOK_EVERY_MS, signal)
    }
  }

  async #round(proven: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { db, clock } = this.#deps
    while (!signal.aborted) {
      await proven()
      for (const childId of await inTransaction(db, children.unsettled)) {
        if (this.#underway.has(childId) || this.#reserved.has(childId)) continue
        if (await this.#holding?.hold(childId)) this.#drive(childId, signal)
      }
      await this.#look.wait(clock, LOOK_EVERY_MS, signal)
    }
    await Promise.all(this.#underway.values()) // on this connection they are held
  }

  #drive(childId: string, signal: AbortSignal): void {
    const bell = new Doorbell()
    this.#bells.set(childId, bell)
    const drive = async () => {
      await driveChild(this.#deps, { childId, bell }, signal)
      this.#bells.delete(childId)
      this.#underway.delete(childId)
      await this.#holding?.release(childId).catch(() => undefined) // with a broken connection it is released already
    }
    this.#underway.set(childId, drive())
  }
}

/** Resolves when whoever asked does not wait any longer. */
const once = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
