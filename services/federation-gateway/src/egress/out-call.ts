import type { Client, HandlerContext } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { parseBearer, residencyVerdict, type ResidencyVerdict, type Scope } from '@powernode/policy'
import { Refusal, requestOf, within } from '@powernode/rpc'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { outcomeEntry, sentEntry } from '../decisions/call-entry.ts'
import { isUuid, newDecisionId } from '../decisions/decision-id.ts'
import { residencyFields, type DecisionRecord } from '../decisions/decision-record.ts'
import type { Decisions } from '../decisions/decisions.ts'
import { CONTENT_ID_HEADER, NETWORK_HEADER, NODE_INSTANCE_HEADER } from '../decisions/presented.ts'
import { policyStale } from '../door/admission.ts'
import { DECISION_ID } from '../door/visit.ts'
import type { HeldPolicy } from '../policy/held-policy.ts'
import type { Errand } from './call-peer.ts'

/** The bearer to be shown to the peer, when the caller has one of its own to show. */
export const GRANT_HEADER = 'powernode-grant'

export type OutParts = {
  readonly policy: HeldPolicy
  readonly decisions: Decisions
  readonly grants: Client<typeof GrantAuthzService>
  /** Uses an override up for one decision; false: it was used up before, or is over. */
  readonly consume: (overrideId: string, decisionId: string) => Promise<boolean>
  readonly clock: Clock
}

/** What one of ours wants of a peer's resources. */
export type OutWanted = { readonly rpc: string; readonly kind: string; readonly id: string; readonly scope: Scope }

/**
 * One call of ours for a peer's resources: what may we send ▸ which bearer do we show ▸ on record ▸ (the call) ▸ what came
 * of it, on record.
 *
 * It does not leave before it is on record that it does, each time that it does; and what came of it is durable before our
 * caller is answered, as with calls of peers. Both sides write our id of it down, so both can say why, and be compared.
 */
export class OutCall {
  /** Our id of the decision; a second one, when a stream that was allowed is ended. */
  #id: string
  readonly #parts: OutParts
  readonly #route: PeerRoute
  readonly #wanted: OutWanted
  readonly #context: HandlerContext
  #grantId = ''
  #isOnRecord = false
  #timesSent = 0
  #residency: Partial<DecisionRecord> = {}

  constructor(parts: OutParts, { route, context }: Errand, wanted: OutWanted) {
    this.#parts = parts
    this.#route = route
    this.#wanted = wanted
    this.#context = context
    this.#id = this.#newId()
    context.responseTrailer.set(DECISION_ID, this.#id)
  }

  get id(): string {
    return this.#id
  }

  /** What is sent along is data of ours that leaves: whether it may is decided before it does, and on record with the call. */
  async maySend(): Promise<void> {
    const { policy, consume, clock } = this.#parts
    const { peerId, dataResidency: declared } = this.#route
    const { kind, id } = this.#wanted
    if (!policy.fresh) throw policyStale()
    const dataClass = policy.now.kind(kind)?.dataClass ?? ''
    const verdict = residencyVerdict(policy.now, { peerId, declared, dataClass, region: '' })
    this.#residency = residencyFields(verdict, dataClass)
    if (verdict.allowed || verdict.reason === '') return
    const overrideId = policy.now.override(peerId, kind, id, clock.now().getTime())
    if (overrideId === undefined || !(await consume(overrideId, this.id))) return this.#refuse(verdict)
    this.#residency = { ...this.#residency, overrideId }
  }

  /** It is about to leave, once more or for the first time: it does once that is on record, or else what is returned is why not. */
  readonly leaving = async (): Promise<Refusal | undefined> => {
    const id = this.#timesSent++ === 0 ? undefined : this.#newId()
    try {
      await this.#parts.decisions.record(sentEntry(this.#record({}), id))
      return undefined
    } catch (error) {
      if (error instanceof Refusal) return error
      throw error
    }
  }

  /** The headers that the call goes out with. */
  async headers(): Promise<Record<string, string>> {
    const bearer = await this.#bearer()
    this.#grantId = parseBearer(bearer)?.grantId ?? ''
    const { requestHeader } = this.#context
    const passed = [NODE_INSTANCE_HEADER, NETWORK_HEADER].flatMap((name) => {
      const value = requestHeader.get(name)
      return value === null ? [] : [[name, headerFrom(value, name)]]
    })
    return { authorization: `Bearer ${bearer}`, [CONTENT_ID_HEADER]: this.#id, ...Object.fromEntries(passed) }
  }

  /** The peer allowed it, and gave this id to its decision. */
  async allowed(said: string): Promise<void> {
    const remoteDecisionId = idFrom(said)
    await this.#ended({ allowed: true, reason: 'ALLOWED', remoteDecisionId })
    this.#isOnRecord = true
  }

  /** It did not come to that: the peer refused, or could not be asked. Returns what our caller is told. */
  async refused(error: unknown): Promise<unknown> {
    if (!(error instanceof Refusal)) return error
    const { reason, message, metadata, next, details, retryAfterMs } = error
    if (metadata['decision_id'] === this.#id || reason === 'RECORD_UNAVAILABLE') return error
    if (this.#isOnRecord) this.#id = this.#newId()
    const remoteDecisionId = idFrom(metadata['decision_id'])
    await this.#ended({
      allowed: false,
      reason: metadata['peer_reason'] ?? reason,
      axis: metadata['axis'] ?? '',
      detail: message,
      remoteDecisionId,
    })
    const theirs = remoteDecisionId && { remote_decision_id: remoteDecisionId }
    return new Refusal(reason, message, {
      metadata: { ...metadata, ...theirs, decision_id: this.id },
      details,
      ...(next !== undefined && { next }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }

  async #refuse({ reason, detail }: ResidencyVerdict): Promise<never> {
    await this.#ended({ allowed: false, reason, axis: 'residency', detail })
    throw new Refusal('RESIDENCY_VIOLATION', `not sent: ${detail}`, {
      metadata: { decision_id: this.id, peer_id: this.#route.peerId },
      next: `fedctl why ${this.id}`,
    })
  }

  async #bearer(): Promise<string> {
    const own = this.#context.requestHeader.get(GRANT_HEADER)
    if (own) return headerFrom(own, GRANT_HEADER)
    const { kind: resourceKind, id: resourceId, scope } = this.#wanted
    const { peerId } = this.#route
    const { bearer } = await this.#parts.grants.chooseReceivedGrant(
      { peerId, resourceKind, resourceId, scope },
      within(this.#context),
    )
    if (bearer) return bearer
    await this.#ended({ allowed: false, reason: 'GRANT_MISSING', axis: 'bearer', detail: 'no grant we hold fits' })
    throw new Refusal('GRANT_REQUIRED', `the peer has granted us no ${scope} of ${resourceKind}, as far as we know`, {
      metadata: { decision_id: this.id, peer_id: peerId },
      next: 'ask their operators for a grant; see those we hold: fedctl grant received',
    })
  }

  #newId(): string {
    return newDecisionId(this.#parts.clock.now().getTime())
  }

  /** What came of it. Of a stream that had begun its end is a later word, which the other side has none for. */
  async #ended(outcome: Partial<DecisionRecord>): Promise<void> {
    const record = this.#record(outcome)
    await this.#parts.decisions.record(outcomeEntry(record, this.#isOnRecord ? '' : record.id))
  }

  #record(outcome: Partial<DecisionRecord>): DecisionRecord {
    const { rpc, kind, id, scope } = this.#wanted
    const { requestId, traceparent } = requestOf(this.#context)
    return {
      ...NOTHING_DECIDED,
      id: this.#id,
      direction: 'out',
      peerId: this.#route.peerId,
      atMs: this.#parts.clock.now().getTime(),
      rpc,
      resourceKind: kind,
      resourceId: id,
      scope,
      nodeInstanceId: this.#context.requestHeader.get(NODE_INSTANCE_HEADER) ?? '',
      sdwanNetworkId: this.#context.requestHeader.get(NETWORK_HEADER) ?? '',
      grantId: this.#grantId,
      requestId,
      traceparent,
      policyEpoch: this.#parts.policy.now.epoch,
      ...this.#residency,
      ...outcome,
    }
  }
}

const NOTHING_DECIDED = {
  allowed: false,
  reason: '',
  axis: '',
  detail: '',
  sourceAddress: '',
  dataClass: '',
  resourceRegion: '',
  destinationRegion: '',
  residencyMode: '',
  residencyRuleId: '',
  advised: false,
  overrideId: '',
  remoteDecisionId: '',
} as const

/** What the peer calls its decision is for finding it there: what is no id finds nothing. */
function idFrom(said: string | undefined): string {
  return said !== undefined && isUuid(said) ? said.toLowerCase() : ''
}

/** What cannot be a header is refused without being repeated: the library would, in an error that is logged. */
function headerFrom(value: string, name: string): string {
  const text = value.trim()
  if (/^[\u0021-\u007e]{1,512}$/.test(text)) return text
  throw new Refusal('REQUEST_INVALID', `the header ${name} holds one word of 512 plain characters at most`, {
    metadata: { header: name },
  })
}
