import { endGoneConnections, formerOf, type Former } from '../back-ends/connections.ts'
import type { CheckedState } from '../checked/check-state.ts'
import type { Tools } from '../tools.ts'
import type { Journal } from './journal.ts'

/** So many firewalls are looked back to: what began under one before them has gone by itself, or goes on. */
const MOST_FORMERS = 32

/** How it stands with the connections whose rule has gone. */
export type Ended = { readonly status: 'applied' | 'failed'; readonly detail: string }

const DONE: Ended = { status: 'applied', detail: '' }

/**
 * Connections end with the rule that let them in. Where they cannot be ended (conntrack is killed, or not there), the firewall
 * that they began under is kept, on the disk too: each look tries again, until none of them is left.
 */
export class GoneConnections {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** As an agent finds it that has just begun. */
  get standing(): Ended {
    return this.#journal.formers().length === 0 ? DONE : failed('an earlier agent could not end them')
  }

  /** MUST come after the table of `wanted` is loaded: what is let through meanwhile would be a connection again. */
  async end(rooms: Iterable<Tools>, wanted: CheckedState, was?: CheckedState): Promise<Ended> {
    const waiting = this.#journal.formers()
    const formers = was ? joined(waiting, formerOf(was)) : waiting
    try {
      await endGoneConnections([...rooms], formers, wanted)
      if (waiting.length > 0) await this.#journal.keepFormers([])
      return DONE
    } catch (error) {
      await this.#journal.keepFormers(formers)
      return failed(error instanceof Error ? error.message : '')
    }
  }
}

const failed = (why: string): Ended => ({
  status: 'failed',
  detail: `connections whose rule has gone go on until they are ended, which is tried again: ${why}`.slice(0, 512),
})

function joined(waiting: readonly Former[], was: Former): readonly Former[] {
  const others = waiting.filter((each) => JSON.stringify(each) !== JSON.stringify(was))
  return [...others, was].slice(-MOST_FORMERS)
}
