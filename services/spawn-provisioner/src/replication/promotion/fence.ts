import type { Clock } from '@powernode/clock'
import { openDb, type Db } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Config } from '../../config.ts'
import * as replication from '../../store/replication.ts'
import type { SpawnTx, Tables } from '../../store/tables.ts'

const CUT_OFF_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 20

/** Whoever can still write after this long will go on doing so. */
export class FenceIncomplete extends Error {
  override readonly name = 'FenceIncomplete'
}

/**
 * The fence around our database, over one connection of its own that the fence spares.
 *
 * Nobody else's fence is touched meanwhile: the connection holds a lock, which goes with it.
 *
 * Its transactions say that they write: a session begins read-only once the gate is closed, ours as well.
 */
export class Fence {
  readonly #db: Db<Tables>
  readonly #clock: Clock
  readonly #keep: string

  constructor({
    config,
    clock,
    keepRole,
  }: {
    readonly config: Config
    readonly clock: Clock
    readonly keepRole: string
  }) {
    this.#db = openDb<Tables>({
      url: config.databaseUrl.reveal(),
      schema: 'spawn_provisioner',
      applicationName: 'spawn-provisioner fence',
      max: 1,
      idleMs: 0, // with the connection goes what keeps others out
    })
    this.#clock = clock
    this.#keep = keepRole
  }

  /** Every session from now on begins read-only. */
  gate(): Promise<void> {
    return this.#writing(replication.fenceGate)
  }

  /** Nobody logs in any more but the member that is to take over, and we. */
  roles(): Promise<readonly string[]> {
    return this.#writing((tx) => replication.fenceRoles(tx, this.#keep))
  }

  /** Whoever is still there is cut off; throws when somebody stays. */
  async sessions(signal: AbortSignal): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
      const left = await this.#writing((tx) => replication.fenceSessions(tx, this.#keep))
      if (left === 0) return
      if (waitedMs >= CUT_OFF_WITHIN_MS)
        throw new FenceIncomplete(`${left} sessions or prepared transactions could still write`)
      await this.#clock.sleep(LOOK_EVERY_MS, signal)
      signal.throwIfAborted()
    }
  }

  facts(): Promise<replication.Facts> {
    return this.#writing(replication.facts)
  }

  /** How far the kept member has replayed; empty when it is not being sent anything. */
  replayed(slotName: string): Promise<string> {
    return this.#writing(async (tx) => {
      const seen = (await replication.watch(tx)).find((one) => one.slotName === slotName)
      return seen?.replayLsn ?? ''
    })
  }

  /**
   * As before the fence, and in the same transaction what is to be noted of that. Whoever came while it was up has a session
   * that is read-only for as long as it lasts, this service's own connections among them: they come anew.
   */
  async lift(note: (tx: SpawnTx) => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    await this.#writing(async (tx) => {
      await replication.unfence(tx)
      await note(tx)
    })
    const cut = this.#writing((tx) => replication.fenceSessions(tx, this.#keep))
    await cut.catch(() => undefined) // a server that is gone has no sessions
  }

  close(): Promise<void> {
    return this.#db.destroy()
  }

  async #writing<T>(work: (tx: SpawnTx) => Promise<T>): Promise<T> {
    const tx = await this.#db.startTransaction().setAccessMode('read write').execute()
    try {
      if (!(await replication.holdFence(tx)))
        throw new Refusal(
          'CHILD_STATE_FORBIDS',
          'another replica of this service promotes a member, or takes that back',
        )
      const result = await work(tx)
      await tx.commit().execute()
      return result
    } catch (error) {
      await tx
        .rollback()
        .execute()
        .catch(() => undefined)
      throw error
    }
  }
}
