import { Code, ConnectError } from '@connectrpc/connect'
import { backoffMs, type Clock } from '@powernode/clock'
import { refusalOf, type Reason, type Refusal } from '@powernode/rpc'

/** The parent is spared: a second at first, a minute at most, each spread. */
const PACE = { firstMs: 1_000, mostMs: 60_000 }

/** Our own gateway hears within milliseconds of what has just been committed here: that is worth looking soon. */
const SOON = { firstMs: 50, mostMs: 1_000 }
const NOT_HEARD_YET: ReadonlySet<Reason> = new Set(['PEER_NOT_FOUND', 'PEER_NOT_ENROLLED', 'POLICY_STALE'])

/** What is only for now, whoever of ours or of theirs says it. Every other refusal would be said again. */
const PASSING: ReadonlySet<Reason> = new Set([
  'SERVICE_UNAVAILABLE',
  'POLICY_STALE',
  'RATE_LIMITED',
  'DEADLINE_EXCEEDED',
  'PEER_UNREACHABLE',
  'PEER_CIRCUIT_OPEN',
  'PEER_NOT_FOUND',
  'PEER_NOT_ENROLLED',
  'PEER_SUSPENDED',
  'ENROLLMENT_PENDING',
])

/** Waits between attempts, longer each time. */
export class Patience {
  readonly #clock: Clock
  #failures = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How often it was in vain until now. */
  get attempts(): number {
    return this.#failures
  }

  /** Waits after something was in vain; for whoever is not in our own house, a second or so at first. */
  async wait(signal: AbortSignal, because?: unknown): Promise<void> {
    this.#failures += 1
    const refusal = refusalOf(because)
    const pace = refusal && NOT_HEARD_YET.has(refusal.reason) ? SOON : PACE
    await this.#clock.sleep(backoffMs(this.#failures, pace), signal)
  }
}

/** A no that will be said again; undefined: it may be otherwise soon, or it was no refusal at all. */
export function finalNo(error: unknown): Refusal | undefined {
  const refusal = refusalOf(error)
  if (!refusal) return undefined
  const reason = reasonOf(refusal)
  return PASSING.has(reason as Reason) ? undefined : refusal // a word of theirs that we do not know is no passing one
}

/** Whose word it was: through our gateway a peer's refusal arrives as PEER_REFUSED, and its own reason beside it. */
export const reasonOf = ({ reason, metadata }: Refusal): string =>
  reason === 'PEER_REFUSED' ? (metadata['peer_reason'] ?? reason) : reason

/** Why something did not go through, in a few words. Throws what is a mistake of ours and would never pass. */
export function whyNot(error: unknown): string {
  const refusal = refusalOf(error)
  if (refusal) return `${reasonOf(refusal)}: ${refusal.message}`
  if (error instanceof ConnectError) return `${Code[error.code]}: ${error.rawMessage}`
  throw error
}
