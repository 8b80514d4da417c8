import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { checkState, NOTHING, StateRefused, type CheckedState, type Limits } from '../checked/check-state.ts'
import type { Keys } from '../keys.ts'
import type { Journal } from './journal.ts'
import type { Machine } from './machine.ts'
import { withKeptKeys } from './with-kept-keys.ts'
import { withoutClosed } from './without-closed.ts'

export type NodeNetworkDeps = {
  readonly machine: Machine
  readonly journal: Journal
  readonly keys: Keys
  readonly limits: Limits
  /** Resolves once the control plane has answered over the new path; rejects when it has not in time. */
  readonly confirm: (version: string, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

export type RolledBack = { readonly version: string; readonly reason: string }

/** What became of a state: kept, put back after it was tried, or refused before. */
export type Taken = 'kept' | 'rolled_back' | 'refused'

/** What a second look at a kept state came to: it stands, it was put back, or nobody can be reached whichever is there. */
export type LookedAgain = 'stands' | 'rolled_back' | 'away'

const REASON_MAX = 1_000
const BROKEN = 'what was confirmed could not be put back; trying again'

/** The state that this node has, and the way from one to the next: begin, apply, confirm, keep; or put back what was. */
export class NodeNetwork {
  readonly #deps: NodeNetworkDeps
  #current: CheckedState = NOTHING
  #rolledBack: RolledBack | undefined
  /** What is done to the machine is done one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Something could not be put back: the next look repairs it. */
  #broken = false
  /** What was kept would be refused today: the machine stays as it is until a state comes that is taken. */
  #adrift = false
  /** What was there before the current state, until that has been confirmed a second time. */
  #former: NodeState | undefined

  constructor(deps: NodeNetworkDeps) {
    this.#deps = deps
  }

  get current(): CheckedState {
    return this.#current
  }

  get rolledBack(): RolledBack | undefined {
    return this.#rolledBack
  }

  /** Waits for its turn with the machine. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  /**
   * Goes on from what is on the disk, whoever can be asked: what was begun and never confirmed is put back, however far it had
   * come, and after a start of the machine everything is made anew. What was kept and would be refused today (the limits of the
   * node are narrower than they were) is left standing: nothing could be put right by it, and the next state has to be heard.
   */
  recover(): Promise<void> {
    const { journal, limits, logger, machine } = this.#deps
    return this.inTurn(async () => {
      const kept = journal.kept()
      const understood = kept ? readable(kept, limits) : NOTHING
      if (understood instanceof StateRefused) {
        this.#adrift = true
        this.#note(kept?.version ?? '', `refused, and left as it stands: ${understood.message}`)
        logger.error(
          { state: kept?.version, reason: understood.message },
          'the confirmed state asks for what it may not any more: it is left as it stands until another one comes',
        )
        return
      }
      this.#current = understood
      const begun = journal.interrupted()
      // Kept, and killed before the note of it was taken away.
      const isKept = begun !== undefined && begun.version === kept?.version
      if (isKept) await journal.end()
      const interrupted = isKept ? undefined : begun
      if (interrupted) {
        logger.warn(
          { state: interrupted.version },
          'this agent ended while it applied a version: putting back what was confirmed',
        )
      } else if ((await machine.drift(this.#current)).length === 0) return
      try {
        await machine.become(this.#current, this.#understood(interrupted?.state))
        await journal.end()
        if (interrupted) this.#note(interrupted.version, 'the agent ended before it was confirmed')
      } catch (error) {
        this.#broken = true
        logger.error({ state: this.#current.version, error }, BROKEN)
      }
    })
  }

  /** Tries a state, and keeps it only if the control plane answers over the paths that it makes. */
  take(said: NodeState, signal: AbortSignal): Promise<Taken> {
    return this.inTurn(async () => {
      const { journal, keys, logger, machine, confirm } = this.#deps
      const state = withKeptKeys(said, journal.kept())
      let wanted: CheckedState
      try {
        wanted = checkState(state, this.#deps.limits)
      } catch (error) {
        if (!(error instanceof StateRefused)) throw error
        this.#note(state.version, `refused: ${error.message}`)
        logger.error(
          { state: state.version, reason: error.message },
          'a state was refused: it asks for what it may not',
        )
        return 'refused'
      }
      await journal.begin(state)
      try {
        await machine.become(wanted, this.#current)
        await confirm(wanted.version, signal)
      } catch (error) {
        await this.#putBack(wanted, error)
        return 'rolled_back'
      }
      this.#former = this.#adrift ? undefined : journal.kept()
      await journal.keep()
      this.#current = wanted
      this.#rolledBack = undefined
      this.#broken = false
      this.#adrift = false
      keys.keepOnly(wanted.interfaces.map(({ name }) => name))
      logger.info({ state: wanted.version }, 'the network of this node has a new version')
      return 'kept'
    })
  }

  /**
   * Puts right what differs from the confirmed state. Returns what differed. Looking changes nothing and takes no turn: a version
   * that comes meanwhile MUST NOT wait for it, since it may take something away.
   */
  async repair(onDrift: (found: Awaited<ReturnType<Machine['drift']>>) => Promise<void>): Promise<number> {
    if (this.#adrift) return 0
    const { machine, journal, logger } = this.#deps
    const seen = await machine.drift(this.#current)
    const isWhole = !this.#broken && machine.statuses.every(({ status }) => status === 'applied')
    if (seen.length === 0 && isWhole) return 0
    return this.inTurn(async () => {
      // Once more: what was seen may have been a version on its way.
      const found = seen.length === 0 ? [] : await machine.drift(this.#current)
      if (found.length === 0 && !this.#broken) {
        if (machine.statuses.some(({ status }) => status !== 'applied')) await machine.catchUp(this.#current)
        return 0
      }
      for (const { name, detail } of found)
        logger.warn({ kind: name, reason: detail }, 'the network of this node drifted')
      if (found.length > 0) await onDrift(found)
      await machine.become(this.#current, this.#understood(journal.interrupted()?.state))
      if (this.#broken) await journal.end()
      this.#broken = false
      return found.length
    })
  }

  /**
   * Has a kept state confirmed once more: what it brings may come late, with BGP for example, and cut this node off when it
   * was confirmed already. Then the state before is put back, unless that does not help: the control plane is away, and what
   * was kept is taken up again.
   */
  confirmAgain(signal: AbortSignal): Promise<LookedAgain> {
    return this.inTurn(async () => {
      const { journal, logger, confirm, limits } = this.#deps
      const [former, tried, kept] = [this.#former, this.#current, journal.kept()]
      this.#former = undefined
      if (!former || !kept) return 'stands'
      const lost = await confirm(tried.version, signal).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      signal.throwIfAborted()
      if (lost === undefined) return 'stands'
      await journal.begin(kept)
      await journal.replaceKept(former)
      this.#current = checkState(former, limits)
      await this.#putBack(tried, new Error(`the control plane was lost after it was confirmed: ${lost}`))
      const helps = await confirm(this.#current.version, signal).then(
        () => true,
        () => false,
      )
      if (helps) return 'rolled_back'
      signal.throwIfAborted()
      logger.warn({ state: tried.version }, 'putting back did not help: the control plane is away, whatever is applied')
      await this.#takeUpAgain(kept, tried)
      return 'away'
    })
  }

  async #takeUpAgain(kept: NodeState, tried: CheckedState): Promise<void> {
    const { journal, logger, machine } = this.#deps
    const before = this.#current
    await journal.replaceKept(kept)
    this.#current = tried
    this.#rolledBack = undefined
    try {
      await machine.become(tried, before)
    } catch (error) {
      this.#broken = true
      logger.error({ state: tried.version, error }, BROKEN)
    }
  }

  /** Said to the control plane when it is so, and not before. */
  async #putBack(tried: CheckedState, error: unknown): Promise<void> {
    const { journal, logger, machine } = this.#deps
    const reason = error instanceof Error ? error.message : String(error)
    logger.warn({ state: tried.version, reason }, 'a version was not confirmed: putting back the one before')
    try {
      const closed = this.#adrift ? undefined : withoutClosed(journal.kept(), tried)
      if (closed) {
        await journal.replaceKept(closed)
        this.#current = checkState(closed, this.#deps.limits)
        logger.warn({ state: tried.version }, 'a tunnel to another platform was taken away: it is not put back')
      }
      await machine.become(this.#current, tried)
      await journal.end()
      this.#note(tried.version, reason)
    } catch (failure) {
      this.#broken = true
      this.#note(tried.version, `${reason}; and what was confirmed could not be put back yet`)
      logger.error({ state: this.#current.version, error: failure }, BROKEN)
    }
  }

  #note(version: string, reason: string): void {
    this.#rolledBack = { version: version.slice(0, 64), reason: reason.slice(0, REASON_MAX) }
  }

  /** A state as far as it matters for taking it away: one that would be refused was never applied. */
  #understood(state: NodeState | undefined): CheckedState {
    const read = state ? readable(state, this.#deps.limits) : this.#current
    return read instanceof StateRefused ? this.#current : read
  }
}

function readable(state: NodeState, limits: Limits): CheckedState | StateRefused {
  try {
    return checkState(state, limits)
  } catch (error) {
    if (error instanceof StateRefused) return error
    throw error
  }
}
