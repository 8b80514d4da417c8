import type { Logger, Metrics } from '@powernode/process'
import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { Refusal } from '@powernode/rpc'

/** Why something is not on record, in words for our operators. */
const DETAILS: Readonly<Record<string, string>> = {
  unanswered: 'the ledger does not answer',
  overload: 'too many decisions wait for the ledger',
  stopping: 'this gateway is stopping',
  LOG_ON_HOLD: 'the log about this peer is on hold: see fedctl audit alarms',
  ENTRY_TOO_LARGE: 'what the call names is too long for an entry of the log',
  ENTRY_CONFLICT: 'an entry of this id says something else',
}

/** Calls that nobody could write down, and which were refused for it: counted, told to our operators, and not to callers. */
export class Unrecorded {
  readonly #logger: Logger
  readonly #count

  constructor({ logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics }) {
    this.#logger = logger
    this.#count = metrics.counter(
      'fed_gateway_unrecorded_total',
      'Calls that were refused because they could not be written down, by why',
      ['why'],
    )
  }

  /** What the caller is told. Why is ours to know: a peer that reads it would learn how our ledger fares. */
  refusal(why: string, { log, decisionId, action }: NewEntry): Refusal {
    this.#count.inc({ why: Object.hasOwn(DETAILS, why) ? why : 'other' })
    const about = { task: 'decisions', peer_id: log, decision_id: decisionId, action, reason: why }
    this.#logger.warn(about, `a call is not on record, and is refused: ${DETAILS[why] ?? why}`)
    return new Refusal('RECORD_UNAVAILABLE', 'what was decided about this call cannot be written down now', {
      retryAfterMs: 1_000,
    })
  }
}
