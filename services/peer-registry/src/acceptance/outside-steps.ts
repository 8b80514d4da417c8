import { timestampDate } from '@bufbuild/protobuf/wkt'
import { Code, type CallOptions } from '@connectrpc/connect'
import { inTransaction, type Db } from '@powernode/postgres'
import type { NodeEnrollment } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { Clock } from '@powernode/clock'
import type { AcceptanceRun, AcceptanceStepName, StepOutcome } from '../acceptance-run.ts'
import { takeEnrollment } from '../operations/take-enrollment.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as parentages from '../store/parentages.ts'
import type { Tables } from '../store/tables.ts'
import { attachNetwork } from './attach-network.ts'
import type { AcceptanceNeighbours } from './neighbours.ts'

export type OutsideDeps = AcceptanceNeighbours & {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly us: Us
}

const CALL_MS = 5_000

/**
 * Does a step that needs another service. Runs outside any transaction, may be cut short at any point, and each is safe to do
 * twice. Never throws for what a service says or for one that is away: that is how it went.
 */
// oxlint-disable-next-line max-params -- whom is asked, which step, about whom, and until when
export async function takeOutside(
  deps: OutsideDeps,
  name: AcceptanceStepName,
  about: About,
  signal: AbortSignal,
): Promise<StepOutcome> {
  try {
    const step = OUTSIDE[name]
    if (!step) throw new Error(`${name} is a step of our own`)
    return await step(deps, about, { signal, timeoutMs: CALL_MS })
  } catch (error) {
    if (signal.aborted) throw error
    const no = refusalOf(error)
    const message = no?.message ?? 'it ended in a fault; the log says why'
    if (no && !PASSING.has(no.status)) return { status: 'failed', reason: no.reason, message }
    return { status: 'passing', reason: no?.reason ?? 'FAULT', message }
  }
}

const PASSING: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted])

/** The peer as it is now, and what was asked for when the run began, or the step was to be done again. */
export type About = { readonly peer: Peer; readonly run: Pick<AcceptanceRun, 'attachTo'> }

type Outside = (deps: OutsideDeps, about: About, options: CallOptions) => Promise<StepOutcome>

const OUTSIDE: Readonly<Partial<Record<AcceptanceStepName, Outside>>> = {
  operator_grant: reviewGrants,
  node_enrollment: enrollNode,
  sdwan_attach: (deps, { peer, run }, options) => attachNetwork(deps, { peerId: peer.id, ...run }, options),
  governance_scan: scan,
}

/** Default grants follow from what the peer is to us: that of a parent's operator for a managed child among them. */
async function reviewGrants({ grants }: OutsideDeps, { peer }: About, options: CallOptions): Promise<StepOutcome> {
  await grants.reviewPeer({ peerId: peer.id }, options)
  const managed = peer.spawnMode === 'managed_child'
  return { status: 'done', detail: managed ? "the grant of the parent's operator stands" : 'default grants stand' }
}

/**
 * Whoever invites a managed child answers with a bootstrap token for its node. Of the token only that there is one is told: it is
 * shown to our node, and to nobody else. We are the child: nobody becomes ours by taking up an invitation of theirs.
 */
async function enrollNode(deps: OutsideDeps, { peer }: About): Promise<StepOutcome> {
  if (peer.spawnMode !== 'managed_child' || peer.spawnRole !== 'child')
    return notIssued('not_managed_child', 'we are no managed child of theirs')
  const { kept, isDone } = await inTransaction(deps.db, async (tx) => ({
    isDone: (await parentages.lock(tx, peer.id))?.doneAt instanceof Date,
    kept: await takeEnrollment(tx, deps.clock.now(), { us: deps.us, peerId: peer.id, done: false }),
  }))
  if (isDone) return notIssued('already_enrolled', 'our node carried out what the parent handed over')
  return issued(kept?.nodeEnrollment, kept?.warnings ?? [])
}

function issued(token: NodeEnrollment | undefined, warnings: readonly string[]): StepOutcome {
  if (!token) return notIssued('nothing_issued', warnings[0] ?? 'the parent issued no bootstrap token')
  const expiresAt = token.expiresAt ? timestampDate(token.expiresAt).toISOString() : null
  const { intendedSubject } = token
  return {
    status: 'done',
    detail: `a bootstrap token for ${intendedSubject} is issued`,
    brought: { nodeEnrollment: { status: 'issued', reason: '', intendedSubject, expiresAt } },
  }
}

const notIssued = (reason: string, why: string): StepOutcome => ({
  status: 'skipped',
  detail: `${reason}: ${why}`,
  brought: { nodeEnrollment: { status: 'skipped', reason, intendedSubject: '', expiresAt: null } },
})

async function scan({ governance }: OutsideDeps, { peer }: About, options: CallOptions): Promise<StepOutcome> {
  const { findings, unread } = await governance.scanGovernance({ peerId: peer.id }, options)
  const shown = findings.map(({ kind, severity, message }) => ({ kind, severity, message }))
  return {
    status: 'done',
    detail:
      shown.length === 0
        ? 'nothing was found'
        : `${shown.length} ${shown.length === 1 ? 'finding' : 'findings'}: fedctl finding list --peer ${peer.id}`,
    brought: { governance: { status: 'scanned', findings: shown, unread } },
  }
}
