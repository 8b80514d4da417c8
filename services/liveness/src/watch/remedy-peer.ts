import { create } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { inTransaction, rehearse, type Tx } from '@powernode/postgres'
import {
  RemediatePeerRequestSchema,
  type RemediatePeerRequest,
} from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Remediation } from '../diary.ts'
import { noteApproval } from '../operations/approve-remediation.ts'
import type { Policy, ToProbe } from '../operations/decide-signals.ts'
import { settleRemediation } from '../operations/settle-remediation.ts'
import { isReason, isSilence } from '../remediation/types.ts'
import * as loop from '../store/loop.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import { probePeer } from './probe-peer.ts'
import type { WatchDeps } from './watch-deps.ts'

export const REMEDIATE = 'system.federation_peer_remediate'

/** What the policy says now. Whose policy cannot be known may do nothing, as if it were halted. */
export function policyNow({ directory }: Pick<WatchDeps, 'directory'>): Policy {
  try {
    const verb = directory.policyOf(REMEDIATE)?.verb
    const known = (['auto_approve', 'notify_and_proceed', 'require_approval', 'blocked'] as const).find((one) => one === verb) // prettier-ignore
    return { verb: known ?? 'blocked', halted: directory.autonomy?.halted ?? false }
  } catch {
    return { verb: 'blocked', halted: true }
  }
}

/** Probes one peer and does what follows; asks people first where the policy wants that. */
export async function remedyPeer(
  deps: WatchDeps,
  { toProbe, since }: { toProbe: ToProbe; since: ReadonlyMap<string, Date> },
  signal: AbortSignal,
): Promise<Remediation | undefined> {
  const { db, clock, feed, metrics, tickMs } = deps
  const { peerId, signalId, reason } = toProbe
  const probe = await probePeer(deps, peerId, signal)
  if (signal.aborted) return undefined
  metrics.probes.inc({ outcome: probe.probed })
  const said = { peerId, signalId, reason, since, ...probe, tickMs, asker: undefined, peers: feed.peers }
  const settle = () =>
    inTransaction(db, (tx) => settleRemediation(tx, clock.now(), { ...said, policy: policyNow(deps) }))
  const entry = await settle()
  if (entry?.action !== 'awaiting_approval') return entry
  const standing = await inTransaction(db, (tx) => signals.lockOne(tx, signalId))
  if (!standing || standing.askedId) return entry
  const approvalId = await askFor(deps, entry, signal)
  if (approvalId === 'proceed') return settle()
  await inTransaction(db, (tx) => noteApproval(tx, clock.now(), { remediationId: entry.id, signalId, approvalId }))
  return entry
}

/**
 * An operator asks for one peer by name: probed now, and done what follows, whatever the loop thinks of it. A rehearsal probes
 * too, and changes nothing. A paused loop does nothing for anybody.
 */
export async function remedyAsked(
  deps: WatchDeps,
  { req, asker }: { req: RemediatePeerRequest; asker: string },
  signal: AbortSignal,
): Promise<Remediation> {
  const { db, clock, feed, tickMs } = deps
  const { peerId, reason, dryRun } = req
  if (!isReason(reason)) throw new Refusal('REQUEST_INVALID', `${reason} is no reason`)
  if (!feed.peers.has(peerId)) {
    const next = 'fedctl peer list'
    throw new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId} that beats: only platforms can be remedied`, {
      next,
    })
  }
  const { mode, modeReason } = await inTransaction(db, (tx) => loop.find(tx))
  if (mode === 'paused' && !dryRun) {
    throw new Refusal('REMEDIATION_PAUSED', `remediation is paused${modeReason ? `: ${modeReason}` : ''}`, {
      next: 'fedctl remediation resume',
    })
  }
  const probe = isSilence(reason) ? await probePeer(deps, peerId, signal) : { probed: null, probes: [] }
  const said = { peerId, signalId: undefined, reason, since: new Map(), ...probe, tickMs, asker, peers: feed.peers }
  // What the gate has let pass is approved; and a rehearsal is never held up.
  const policy = { verb: 'auto_approve', halted: false } as const
  const settle = (tx: Tx<Tables>) => settleRemediation(tx, clock.now(), { ...said, policy })
  const entry = dryRun ? await rehearse(db, settle) : await inTransaction(db, settle)
  if (!entry) throw new Error('a decision that was asked for was not made')
  return entry
}

/** Asks people; `proceed` when the policy has come to let it be done at once. */
async function askFor({ approvals }: WatchDeps, entry: Remediation, signal: AbortSignal): Promise<string> {
  const { peerId, reason, detail, probes } = entry
  const request = create(RemediatePeerRequestSchema, { peerId, reason })
  const answer = await approvals.requestApproval(
    {
      action: REMEDIATE,
      summary: `degrade peer ${peerId}: ${detail}`.slice(0, 512),
      effects: [`peer ${peerId} becomes degraded`, ...probes.map((probe) => `${probe.url}: ${probe.detail}`)],
      plan: anyPack(RemediatePeerRequestSchema, request),
      requestedBy: 'service/liveness',
      requestId: entry.id,
      peerId,
    },
    { signal },
  )
  if (answer.proceed) return 'proceed'
  if (!answer.approval) throw new Error('grant-authz neither lets it be done nor says which approval it waits for')
  return answer.approval.id
}
