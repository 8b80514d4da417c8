import { clone, create, toBinary } from '@bufbuild/protobuf'
import { newId, type Tx } from '@powernode/postgres'
import {
  RunAcceptanceRequestSchema,
  type RunAcceptanceRequest,
} from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { attachToIn, UNBEGUN, withStepAgain, type AcceptanceRun } from '../acceptance-run.ts'
import type { By } from '../events.ts'
import { acceptanceMoved } from '../events/acceptances.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

export type Beginning = {
  readonly us: Us
  readonly by: By
  readonly req: RunAcceptanceRequest
  /** That of its approval: who approved it finds it by that, and approved twice it is begun once. */
  readonly id?: string
}

/**
 * The skill begins: every step is written down before any is done, and the invitation rests sealed beside them until it is
 * handed to the errand that redeems it. From then on whoever finds the run goes on with it.
 * Heard by audit-ledger.
 */
export async function beginAcceptance(
  tx: Tx<Tables>,
  now: Date,
  { us, by, req, id = newId(now) }: Beginning,
): Promise<AcceptanceRun> {
  const before = await acceptanceRuns.find(tx, id)
  if (before) return before
  const request = clone(RunAcceptanceRequestSchema, create(RunAcceptanceRequestSchema, req))
  request.acceptanceToken = ''
  const run: AcceptanceRun = {
    id,
    state: 'running',
    requestedBy: by.actor,
    correlationId: by.requestId ?? '',
    traceparent: by.traceparent ?? '',
    request: Buffer.from(toBinary(RunAcceptanceRequestSchema, request)),
    tokenSealed: us.sealing.seal(Buffer.from(req.acceptanceToken), SEALED.acceptanceRun(id)),
    peerId: null,
    contractVersionAgreed: 0,
    steps: UNBEGUN,
    nodeEnrollment: null,
    attachTo: attachToIn(req.metadata ?? {}),
    sdwanAttach: null,
    governance: null,
    failureReason: '',
    failureMessage: '',
    next: '',
    startedAt: now,
    finishedAt: null,
    dueAt: now,
  }
  await acceptanceRuns.insert(tx, run)
  await acceptanceMoved(tx, run, now)
  return run
}

/** One soft step of a run that is over is done again; the overlay is attached to as the peer's metadata say now. */
export async function repeatAcceptanceStep(
  tx: Tx<Tables>,
  now: Date,
  { runId, step }: { readonly runId: string; readonly step: string },
): Promise<AcceptanceRun> {
  const before = await acceptanceRuns.lock(tx, runId)
  const again = withStepAgain(before, step, now)
  if (again === before) return before
  const peer = step === 'sdwan_attach' && again.peerId ? await peers.lock(tx, again.peerId) : undefined
  const run = { ...again, ...(peer && { attachTo: attachToIn(peer.metadata) }) }
  await acceptanceRuns.save(tx, run)
  return run
}
