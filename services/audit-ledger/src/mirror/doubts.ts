import { Code, ConnectError } from '@connectrpc/connect'
import { refusalOf, type Reason } from '@powernode/rpc'

/** Said by our own side of the border: the peer has not been asked. */
const NOT_ASKED: ReadonlySet<Reason> = new Set(['SERVICE_UNAVAILABLE', 'POLICY_STALE', 'PEER_NOT_FOUND'])
/** Without a gateway of ours hardly anything happens that the log would have to say: it waits so many times longer. */
const TIMES_UNASKED = 6

/**
 * Until when logs wait for what their peers have seen of them. The time counts from when a peer could first be asked: a database
 * that was put back comes with a platform that starts, and a gateway that needs long for it MUST NOT be why a history is forked.
 */
export class Doubts {
  readonly #doubtMs: number
  readonly #askedAtMs = new Map<string, number>()

  constructor(doubtMs: number) {
    this.#doubtMs = doubtMs
  }

  /** A peer was asked; or was not, if that is what the error says. */
  asked(peerId: string, nowMs: number, error?: unknown): void {
    if (error !== undefined && !wasAsked(error)) return
    if (!this.#askedAtMs.has(peerId)) this.#askedAtMs.set(peerId, nowMs)
  }

  /** Whether a log that is in doubt since then has waited long enough. */
  isOver(peerId: string, sinceMs: number, nowMs: number): boolean {
    const askedAtMs = this.#askedAtMs.get(peerId)
    if (askedAtMs !== undefined && askedAtMs >= sinceMs) return nowMs - askedAtMs >= this.#doubtMs
    this.#askedAtMs.delete(peerId) // that was in an earlier doubt, before the database was put back once more
    return nowMs - sinceMs >= TIMES_UNASKED * this.#doubtMs
  }
}

function wasAsked(error: unknown): boolean {
  const reason = refusalOf(error)?.reason
  return reason === undefined ? ConnectError.from(error).code !== Code.Unavailable : !NOT_ASKED.has(reason)
}
