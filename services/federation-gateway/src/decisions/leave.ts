import { residencyVerdict, staleVerdict, type ResidencyVerdict, type ServedKind, type Verdict } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { Asked } from '../door/unary.ts'
import { kindObjection } from '../peers/by-version.ts'
import { refusalOf, verdictOnRecord, type Call, type Decider, type Made } from './decider.ts'
import { accessRequest, contentIdIn, wantsReceipt, type Wanted } from './presented.ts'

/** A record that is about to leave: where it is, and what sort of data it is. Empty: as its kind. */
export type Leaving = { readonly id: string; readonly region: string; readonly dataClass: string }

/** Why an answer may not go out any more: the peer may not call, or this call of it is not allowed. */
export type Objection = Refusal | Verdict

/** Leave to answer the call, on record; or the refusal of it, on record, thrown. */
export async function leaveFor(decider: Decider, asked: Asked, wanted: Wanted): Promise<Leave> {
  const { visit, headers } = asked
  const { visitor, peer: route } = visit
  if (!route) throw new Error('a peer was admitted without being known')
  const refused = kindObjection(route, wanted)
  if (refused) throw refused
  const request = accessRequest(wanted, headers, { visitor, route })
  const call = { visit, wanted, request, contentId: contentIdIn(headers), wantsReceipt: wantsReceipt(headers) }
  const made = await decider.onRecord(call)
  if (!made.verdict.allowed) throw refusalOf(made)
  const leave = new Leave(decider, call, made)
  if (leave.objection()) await leave.confirm()
  if (wanted.scope === 'read' || leave.kind.writable) return leave
  throw new Refusal('RESOURCE_READ_ONLY', 'resources of this kind are not changed by peers', {
    metadata: { kind: leave.kind.kind, decision_id: leave.decisionId },
  })
}

async function allowedOnRecord(decider: Decider, call: Call, verdict?: Verdict): Promise<Made> {
  const made = await decider.onRecord(call, verdict)
  if (!made.verdict.allowed) throw refusalOf(made)
  return made
}

/** A version that no policy has. */
const NEVER = -1

/**
 * Leave to answer one call: allowed, on record, and good only as long as it would be given again.
 *
 * What is taken away between the decision and the answer takes the leave away too, so it MUST be asked before each thing
 * that goes out: `confirm` before an answer, `objection` before each word of a stream.
 */
export class Leave {
  readonly #decider: Decider
  #call: Call
  #made: Made

  constructor(decider: Decider, call: Call, made: Made) {
    this.#decider = decider
    this.#call = call
    this.#made = made
  }

  get decisionId(): string {
    return this.#made.id
  }

  get peerId(): string {
    return this.#call.request.peerId
  }

  /** Not empty: this resource may be shown, and no other. */
  get onlyId(): string {
    return this.#made.verdict.onlyId
  }

  /** As it is served now. */
  get kind(): ServedKind {
    const { kind } = this.#call.request
    const served = this.#decider.policy.now.kind(kind)
    if (!served) throw new Refusal('RESOURCE_KIND_UNKNOWN', 'no service of this platform serves such a kind any more')
    return served
  }

  /** What speaks against it at this moment. Nothing is looked up twice while nothing has changed. */
  objection(): Objection | undefined {
    const { policy } = this.#decider
    const route = this.#decider.readmitted(this.#call.visit)
    if (route instanceof Refusal) return route
    this.#follow(route)
    const refused = kindObjection(route, this.#call.wanted)
    if (refused) return refused
    if (!policy.fresh) return staleVerdict()
    const { version, verdict: before } = this.#made
    if (policy.version === version && this.#decider.nowMs < before.untilMs) return undefined
    const verdict = this.#decider.judge(this.#call.request)
    if (!this.#isGood(verdict)) return verdict
    this.#made = { ...this.#made, version: policy.version, verdict: { ...before, untilMs: verdict.untilMs } }
    return undefined
  }

  /** Decides anew, on record, when something speaks against it by now; throws the refusal if that stays so. */
  async confirm(): Promise<void> {
    for (let found = this.objection(); found; found = this.objection()) {
      if (found instanceof Refusal) throw found
      this.#made = await allowedOnRecord(this.#decider, this.#call)
    }
  }

  /** The refusal that ends a stream now. */
  end(objection: Objection): Refusal {
    return objection instanceof Refusal ? objection : refusalOf(this.#decider.atOnce(this.#call, objection))
  }

  /** What residency says about one record; undefined where the record is as its kind, which was decided about. */
  residencyOf({ region, dataClass }: Leaving): ResidencyVerdict | undefined {
    const { kind } = this
    const isAsKind = (region === '' || region === kind.region) && (dataClass === '' || dataClass === kind.dataClass)
    if (isAsKind) return undefined
    const { peerId, declaredResidency: declared } = this.#call.request
    const asked = { peerId, declared, dataClass: dataClass || kind.dataClass, region: region || kind.region }
    return residencyVerdict(this.#decider.policy.now, asked)
  }

  /** Whether one of many may be shown: it is one that was decided about, whatever its owner thinks, and may go there. */
  covers(record: Leaving & { readonly kind: string }): boolean {
    if (record.kind !== this.#call.request.kind || (this.onlyId !== '' && record.id !== this.onlyId)) return false
    return this.residencyOf(record)?.allowed !== false
  }

  /** Whether the record that a change has made may be shown: that takes `read`, and leave that is good at this moment. */
  shows(record: Leaving): boolean {
    if (this.objection() || this.residencyOf(record)?.allowed === false) return false
    return this.#isGood(this.#decider.judge({ ...this.#call.request, scope: 'read' }))
  }

  /** Decides, on record, about one record that may not go where this call would take it; an override lets it pass once. */
  async confirmRecord(record: Leaving): Promise<void> {
    const residency = this.residencyOf(record)
    if (!residency || residency.allowed) return
    const { wanted, request } = this.#call
    const call = {
      ...this.#call,
      wanted: { ...wanted, dataClass: record.dataClass || this.kind.dataClass },
      request: { ...request, id: record.id },
      overrideId: this.#made.overrideId,
    }
    const made = await allowedOnRecord(this.#decider, call, verdictOnRecord(this.#made.verdict, residency))
    this.#made = { ...this.#made, id: made.id, overrideId: made.overrideId }
  }

  /** What the peering says of the peer is asked anew when it has changed: data goes to where the peer is by now. */
  #follow({ dataResidency: declaredResidency, spiffeId: enrolledIdentity }: PeerRoute): void {
    const { request } = this.#call
    if (request.declaredResidency === declaredResidency && request.enrolledIdentity === enrolledIdentity) return
    this.#call = { ...this.#call, request: { ...request, declaredResidency, enrolledIdentity } }
    this.#made = { ...this.#made, version: NEVER }
  }

  /** What residency forbids, and an override let pass, passes to the end. */
  #isGood({ allowed, axis }: Verdict): boolean {
    return allowed || (axis === 'residency' && this.#made.overrideId !== '')
  }
}
