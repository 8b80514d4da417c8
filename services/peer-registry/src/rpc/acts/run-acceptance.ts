import type { Aftermath, GatedAct } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import {
  RunAcceptanceRequestSchema,
  type RunAcceptanceRequest,
} from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { isReason } from '@powernode/rpc'
import { attachToIn, type AcceptanceRun } from '../../acceptance-run.ts'
import { readOffer } from '../../offer.ts'
import { beginAcceptance } from '../../operations/begin-acceptance.ts'
import { takeHeldInvitation } from '../../operations/hold-invitation.ts'
import { takeAcceptanceStep } from '../../operations/take-acceptance-step.ts'
import * as acceptanceRuns from '../../store/acceptance-runs.ts'
import type { Tables } from '../../store/tables.ts'
import { trustModeOf } from '../../wire-words.ts'
import { inviter, UNDER_THEM } from './accept.ts'
import type { Asked } from './asked.ts'

export const RUN_ACCEPTANCE = 'system.federation_acceptance'

/** The skill federation_acceptance begins. */
export const runAcceptance = (tx: Tx<Tables>, now: Date, asked: Asked<RunAcceptanceRequest>): Promise<AcceptanceRun> =>
  beginAcceptance(tx, now, asked)

/** The same once it is approved; who approved it finds the run by the id of the approval. */
export async function runHeldAcceptance(
  tx: Tx<Tables>,
  now: Date,
  { us, by, req, ...held }: Asked<RunAcceptanceRequest> & { readonly planSha256: Buffer; readonly approvalId: string },
): Promise<void> {
  const key = { planSha256: held.planSha256, requestedBy: by.actor }
  const acceptanceToken = await takeHeldInvitation(tx, { us, key, inPlan: req.acceptanceToken })
  await beginAcceptance(tx, now, { us, by, req: { ...req, acceptanceToken }, id: held.approvalId })
}

/** What came of the run that an approval began. Its first end counts: a soft step that is repeated has no approval of its own. */
export async function aftermathOf(tx: Tx<Tables>, approvalId: string): Promise<Aftermath> {
  const run = await acceptanceRuns.find(tx, approvalId)
  if (run?.state === 'running') return 'under way'
  if (run?.state !== 'failed') return 'done'
  const reason = isReason(run.failureReason) ? run.failureReason : 'PEER_REFUSED'
  return { reason, message: run.failureMessage }
}

/** What the run would come to as far as we alone can say: for a rehearsal, in which nothing is kept. */
export async function previewAcceptance(
  tx: Tx<Tables>,
  now: Date,
  asked: Asked<RunAcceptanceRequest>,
): Promise<AcceptanceRun> {
  const { id: runId } = await beginAcceptance(tx, now, asked)
  const step = () => takeAcceptanceStep(tx, now, { us: asked.us, runId, until: now })
  await step() // verify_contract_version
  const { run } = await step() // locate_peer
  return { ...run, id: '', peerId: null }
}

/** What can be refused without asking anybody is refused before somebody is asked: `rehearse` does it and keeps nothing. */
export function runningAcceptance(
  req: RunAcceptanceRequest,
  { rehearse, hold }: { rehearse: () => Promise<unknown>; hold: NonNullable<GatedAct<never>['hold']> },
): GatedAct<typeof RunAcceptanceRequestSchema> {
  const offer = readOffer({ invitation: req.acceptanceToken, url: req.url, caPin: '' })
  const { networkId } = attachToIn(req.metadata ?? {})
  return {
    action: RUN_ACCEPTANCE,
    schema: RunAcceptanceRequestSchema,
    request: req,
    summary: `federation_acceptance: take up the invitation of ${inviter(offer)}`,
    effects: async () => {
      await rehearse()
      return [
        `a peering with ${inviter(offer)} begins, at ${offer.urls.join(', ')}`,
        'who we are, how to reach us and our trust bundle are told to them',
        ...(trustModeOf(req) === 'hierarchical' ? [UNDER_THEM] : []),
        'the peer is enrolled, and granted what the policy grants by default',
        networkId
          ? `it is let onto the network ${networkId}`
          : 'it is let onto no network, but where a bridge waits for it',
      ]
    },
    hold,
  }
}
