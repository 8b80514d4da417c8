import { create, fromBinary } from '@bufbuild/protobuf'
import type { Tx } from '@powernode/postgres'
import {
  RunAcceptanceRequestSchema,
  type RunAcceptanceRequest,
} from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  afterStep,
  begunStep,
  checkContractVersion,
  nextStep,
  type AcceptanceRun,
  type AcceptanceStepName,
  type StepOutcome,
} from '../acceptance-run.ts'
import { acceptanceMoved } from '../events/acceptances.ts'
import { readOffer, type Offer } from '../offer.ts'
import { missingDisclosure, type Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { descriptionFromWire } from '../wire-description.ts'
import { trustModeOf } from '../wire-words.ts'
import { acceptInvitation } from './accept-invitation.ts'

/** One try at a step of a run. */
export type Tried = { readonly runId: string; readonly name: AcceptanceStepName; readonly attempts: number }

export type Taken =
  | { readonly outcome: 'over' | 'taken' | 'not yet'; readonly run: AcceptanceRun }
  /** It has to be done outside, and is then noted with `noteAcceptanceStep`. */
  | { readonly outcome: 'outside'; readonly tried: Tried; readonly run: AcceptanceRun }

/**
 * Takes the next step of a run, when it is one of our own; says which it is, when it needs another service.
 *
 * What a step does and that it was done are one transaction: killed before its commit nothing has happened, killed after it the
 * next one goes on behind it. A step that is refused throws, and is noted in a transaction of its own.
 */
export async function takeAcceptanceStep(
  tx: Tx<Tables>,
  now: Date,
  { us, runId, until }: { readonly us: Us; readonly runId: string; readonly until: Date },
): Promise<Taken> {
  const run = await acceptanceRuns.lock(tx, runId)
  const step = nextStep(run)
  if (!step) return { outcome: 'over', run }
  const own = OWN_STEPS[step.name]
  if (!own) {
    const begun = begunStep(run, step.name, until)
    await acceptanceRuns.save(tx, begun)
    return { outcome: 'outside', tried: { runId, name: step.name, attempts: step.attempts }, run: begun }
  }
  const { outcome, change } = await own(tx, now, { us, run })
  const after = afterStep({ ...run, ...change }, step.name, outcome, now)
  await keep(tx, now, after)
  return { outcome: outcome.status === 'not yet' ? 'not yet' : 'taken', run: after }
}

/** Notes how a try at a step went, unless somebody else has noted it already: `attempts` are those before this one. */
export async function noteAcceptanceStep(
  tx: Tx<Tables>,
  now: Date,
  { runId, name, attempts, outcome }: Tried & { readonly outcome: StepOutcome },
): Promise<AcceptanceRun> {
  const run = await acceptanceRuns.lock(tx, runId)
  const step = nextStep(run)
  if (step?.name !== name || step.attempts !== attempts) return run
  const after = afterStep(run, name, outcome, now)
  await keep(tx, now, after)
  return after
}

/** Writes how far it has come, and announces its end. */
async function keep(tx: Tx<Tables>, now: Date, run: AcceptanceRun): Promise<void> {
  await acceptanceRuns.save(tx, run)
  if (run.state !== 'running') await acceptanceMoved(tx, run, now)
}

/** What was asked, without the invitation. */
export function askedOf({ request }: AcceptanceRun): RunAcceptanceRequest {
  return fromBinary(RunAcceptanceRequestSchema, request)
}

type Own = (
  tx: Tx<Tables>,
  now: Date,
  said: { readonly us: Us; readonly run: AcceptanceRun },
) => Promise<{ readonly outcome: StepOutcome; readonly change?: Partial<AcceptanceRun> }>

const OWN_STEPS: Readonly<Partial<Record<AcceptanceStepName, Own>>> = {
  verify_contract_version: verify,
  locate_peer: locate,
  accept: awaitAccept,
  enroll: awaitEnroll,
}

async function verify(...[, , { us, run }]: Parameters<Own>): ReturnType<Own> {
  const { contractVersion } = askedOf(run)
  checkContractVersion(contractVersion, us.self.window, offerOf(us, run).window)
  return { outcome: { status: 'done', detail: `contract version ${contractVersion}` } }
}

/** The invitation is taken up: from here on the errand has the token, and the run no longer. */
async function locate(...[tx, now, { us, run }]: Parameters<Own>): ReturnType<Own> {
  const peer = await acceptInvitation(tx, now, {
    us: advertising(us, askedOf(run)),
    by: { actor: run.requestedBy, requestId: run.correlationId, traceparent: run.traceparent },
    offer: offerOf(us, run),
    name: askedOf(run).name,
    trustMode: trustModeOf(askedOf(run)),
    metadata: askedOf(run).metadata ?? {},
  })
  const detail = `${peer.name || peer.platformId || 'whoever answers'} at ${peer.url}`
  return { outcome: { status: 'done', detail }, change: { peerId: peer.id, tokenSealed: null } }
}

/** The errand carries our acceptance over; it says in the peer's row what came of that. */
async function awaitAccept(...[tx, now, { run }]: Parameters<Own>): ReturnType<Own> {
  const peer = await peerOf(tx, run)
  if (peer.state === 'proposed') {
    const errand = await errands.find(tx, peer.id, 'redeem')
    if (errand) return { outcome: notYet(run, now, errand.lastError || 'the invitation is on its way') }
    return { outcome: acceptFailed(peer) }
  }
  if (peer.state === 'revoked') return { outcome: acceptFailed(peer) }
  const brought = { contractVersionAgreed: peer.contractVersion ?? 0 }
  const detail = `they know us as ${peer.remotePeerId ?? 'nobody'}; contract version ${peer.contractVersion ?? 0}`
  return { outcome: { status: 'done', detail, brought } }
}

async function awaitEnroll(...[tx, , { run }]: Parameters<Own>): ReturnType<Own> {
  const peer = await peerOf(tx, run)
  if (peer.kind !== 'platform') return { outcome: { status: 'skipped', detail: 'only platforms are enrolled' } }
  if (peer.state === 'enrolled' || peer.state === 'active' || peer.state === 'degraded')
    return { outcome: { status: 'done', detail: `trust is exchanged: ${peer.trustMode}` } }
  const missing = missingDisclosure(peer.disclosure)
  const why =
    peer.state === 'accepted' && missing.length > 0
      ? `they have not disclosed ${missing.join(', ')}; they enroll as soon as they do`
      : `the peer is ${peer.state}`
  const message = `enroll transition failed: ${why}`
  return { outcome: { status: 'failed', reason: 'MOVE_NOT_ALLOWED', message } }
}

async function peerOf(tx: Tx<Tables>, { id, peerId }: AcceptanceRun): Promise<Peer> {
  if (!peerId) throw new Error(`run ${id} has come behind locate_peer without a peer`)
  return peers.lock(tx, peerId)
}

/**
 * `the other side refused: INVITATION_SPENT: the peer refused: …`, as errands/redeem.ts writes it: who said no, why, and in what
 * words. Each of them is said once.
 */
function acceptFailed({ state, reason }: Peer): StepOutcome {
  const [, who = '', why = '', words = ''] =
    /^(.+?) refused: ([A-Z_]+): (?:the peer refused: )?(.*)$/su.exec(reason) ?? []
  const ranOut = /ran out/.test(reason) ? 'INVITATION_EXPIRED' : 'MOVE_NOT_ALLOWED'
  return {
    status: 'failed',
    reason: state === 'revoked' ? 'PEER_REVOKED' : why || ranOut,
    message: `accept transition failed: ${why ? `${who} refused: ${words}` : reason}`,
    next: 'ask the other operator for a new invitation, and run it again with that',
  }
}

/** Soon at first, for a person waits; then seldom. */
function notYet({ startedAt }: AcceptanceRun, now: Date, detail: string): StepOutcome {
  const tenthOfAge = (now.getTime() - startedAt.getTime()) / 10
  return { status: 'not yet', detail, afterMs: Math.min(5_000, Math.max(50, tenthOfAge)) }
}

function offerOf(us: Us, { id, request, tokenSealed }: AcceptanceRun): Offer {
  if (!tokenSealed) throw new Error(`the invitation of run ${id} is gone before it was taken up`)
  const invitation = us.sealing.open(tokenSealed, SEALED.acceptanceRun(id)).toString()
  const { url } = fromBinary(RunAcceptanceRequestSchema, request)
  return readOffer({ invitation, url, caPin: '' })
}

/** Ourselves, as whoever runs the skill wants us advertised: what is said replaces, what is left out stays. */
function advertising(us: Us, { endpoints, capabilities, extensionSlugs }: RunAcceptanceRequest): Us {
  const said = descriptionFromWire(
    create(PlatformDescriptionSchema, { endpoints, extensionSlugs, ...(capabilities && { capabilities }) }),
  )
  const self = {
    ...us.self,
    ...(said.endpoints.length > 0 && { endpoints: said.endpoints }),
    ...(said.extensionSlugs.length > 0 && { extensionSlugs: said.extensionSlugs }),
    ...(Object.keys(said.capabilities).length > 0 && { capabilities: said.capabilities }),
  }
  return { ...us, self }
}
