import type { Clock } from '@powernode/clock'
import {
  decide,
  onWire,
  staleVerdict,
  type AccessRequest,
  type ResidencyVerdict,
  type Verdict,
} from '@powernode/policy'
import { counting, type Logger, type Metrics } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { Visit } from '../door/visit.ts'
import type { HeldPolicy } from '../policy/held-policy.ts'
import { newDecisionId } from './decision-id.ts'
import { outcomeEntry } from './call-entry.ts'
import { decisionIn } from './decision-record.ts'
import type { Decisions } from './decisions.ts'
import type { Wanted } from './presented.ts'

export type DeciderParts = {
  readonly policy: HeldPolicy
  readonly decisions: Decisions
  /** Admission, as at the door: throws when this peer may not call now. */
  readonly admitted: (visit: Visit) => PeerRoute
  /** Uses an override up for one decision; false: it was used up before, or is over. */
  readonly consume: (overrideId: string, decisionId: string) => Promise<boolean>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** One call that has to be decided: whose, what it wants, and all that it shows for it. */
export type Call = {
  readonly visit: Visit
  readonly wanted: Wanted
  readonly request: AccessRequest
  /** An override that was used up for this very call before: it covers all that the call is about. */
  readonly overrideId?: string
  /** The caller's own id of the call, where it says one. */
  readonly contentId: string
  /** The caller wants the proof that the call is in the log. */
  readonly wantsReceipt: boolean
}

/**
 * Calls that an override lets pass: those that have one answer. A stream has no end, and whoever only asks whether a call
 * would pass uses nothing up.
 */
const HAS_ONE_ANSWER: ReadonlySet<string> = new Set(['ListResources', 'GetResource', 'UpdateResource'])

/** One decision, and what it was made on. */
export type Made = {
  readonly id: string
  readonly atMs: number
  readonly verdict: Verdict
  /** Not empty: residency forbids it, and this override let it pass. */
  readonly overrideId: string
  readonly version: number
  readonly epoch: bigint
}

/**
 * Decides about calls of peers: bearer ▸ grant ▸ axes ▸ residency ▸ override ▸ on record.
 *
 * Nobody is answered, with yes or with no, before the decision is durable. All refusals take this one way, so what is
 * done about a bearer that never was, was another's, or was revoked is the same work in the same order.
 */
export class Decider {
  readonly #parts: DeciderParts
  readonly #count

  constructor(parts: DeciderParts) {
    this.#parts = parts
    const decided = parts.metrics.counter('fed_gateway_decisions_total', 'Calls of peers that were decided', ['reason'])
    this.#count = counting(decided, ['reason'])
  }

  get policy(): HeldPolicy {
    return this.#parts.policy
  }

  get nowMs(): number {
    return this.#parts.clock.now().getTime()
  }

  /** As things stand at this very moment. */
  judge(request: AccessRequest, atMs = this.nowMs): Verdict {
    const { policy } = this.#parts
    return policy.fresh ? decide(policy.now, request, atMs) : staleVerdict()
  }

  /** The peer as it stands by now; or what speaks against it. */
  readmitted(visit: Visit): PeerRoute | Refusal {
    try {
      return this.#parts.admitted(visit)
    } catch (error) {
      if (error instanceof Refusal) return error
      throw error
    }
  }

  /** Decides, and returns when that is durable. Where residency alone forbids the call, an override lets it pass once. */
  async onRecord(call: Call, judged?: Verdict): Promise<Made> {
    const atMs = this.nowMs
    const verdict = judged ?? this.judge(call.request, atMs)
    const made = this.#make(verdict, atMs)
    const settled = verdict.axis === 'residency' ? await this.#overridden(call, made) : made
    const { visit } = call
    const { decisions } = this.#parts
    const entry = this.#entry(call, settled)
    const recorded = decisions.record(entry)
    if (!verdict.allowed) await Promise.all([recorded, this.#agreed(settled)])
    const sequence = await recorded
    const receipt = call.wantsReceipt ? await decisions.receipt(entry) : undefined
    this.#note(call, settled)
    visit.sequence = sequence
    visit.receipt = receipt
    return settled
  }

  /** No bearer is turned down while another gateway may still take it. All that are turned down wait alike. */
  async #agreed({ verdict, epoch }: Made): Promise<void> {
    const { policy, clock } = this.#parts
    if (onWire(verdict)?.reason === 'GRANT_INVALID') await policy.untilSettled(epoch, clock)
  }

  /** Decides that something ends, at once; it is written down meanwhile, since nothing is given any more. */
  atOnce(call: Call, verdict: Verdict): Made {
    const made = this.#make(verdict)
    this.#parts.decisions.record(this.#entry(call, made)).catch((error: unknown) => {
      const { peerId: peer_id } = call.request
      this.#parts.logger.error({ task: 'decisions', peer_id, reason: verdict.reason, error }, 'an end is not on record')
    })
    this.#note(call, made)
    return made
  }

  #make(verdict: Verdict, atMs = this.nowMs): Made {
    const { policy } = this.#parts
    return { id: newDecisionId(atMs), atMs, verdict, overrideId: '', version: policy.version, epoch: policy.now.epoch }
  }

  async #overridden(call: Call, made: Made): Promise<Made> {
    const overrideId = call.overrideId || (await this.#useOverride(call, made))
    if (!overrideId) return made
    const { policy } = this.#parts
    const detail = `override ${overrideId} lets this one call pass: ${made.verdict.detail}`
    const onlyId = policy.now.grant(made.verdict.grantId)?.resourceId ?? ''
    return {
      ...made,
      overrideId,
      verdict: { ...made.verdict, allowed: true, reason: 'ALLOWED', axis: '', detail, onlyId },
    }
  }

  async #useOverride({ wanted, request: { peerId, kind, id } }: Call, made: Made): Promise<string | undefined> {
    const { policy, consume } = this.#parts
    const isDone = wanted.scope === 'read' || policy.now.kind(kind)?.writable === true
    if (!isDone || !HAS_ONE_ANSWER.has(wanted.rpc)) return undefined
    const overrideId = policy.now.override(peerId, kind, id, made.atMs)
    return overrideId !== undefined && (await consume(overrideId, made.id)) ? overrideId : undefined
  }

  /** Of a call that was decided before, this is a later word: it has no content id, so that the call is told once. */
  #entry({ visit, wanted, request, contentId }: Call, { id, atMs, verdict, overrideId, epoch }: Made) {
    const { requestId, trace } = visit
    const dataClass = wanted.dataClass ?? this.#parts.policy.now.kind(request.kind)?.dataClass ?? ''
    const occasion = { id, atMs, rpc: wanted.rpc, requestId, trace, policyEpoch: epoch, dataClass, overrideId }
    return outcomeEntry(decisionIn(occasion, request, verdict), visit.decisionId === '' ? contentId || id : '')
  }

  #note({ visit }: Call, { id, verdict }: Made): void {
    visit.decisionId = id
    visit.sequence = undefined
    visit.receipt = undefined
    this.#count(verdict.reason)
  }
}

/** What a peer is told of a verdict against it: what is the same for all who get that reason, and the decision's id. */
export function refusalOf({ id, verdict }: Made): Refusal {
  const wire = onWire(verdict)
  if (!wire) throw new Error('a call that is allowed was to be refused')
  const retry = wire.reason === 'POLICY_STALE' && { retryAfterMs: 1_000 }
  return new Refusal(wire.reason, wire.sentence, { metadata: { ...wire.metadata, decision_id: id }, ...retry })
}

/** The verdict about one record of a call that is allowed otherwise. */
export function verdictOnRecord(verdict: Verdict, residency: ResidencyVerdict): Verdict {
  const { reason } = residency
  if (residency.allowed || reason === '') return { ...verdict, residency }
  return { ...verdict, allowed: false, reason, axis: 'residency', detail: residency.detail, residency }
}
