import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { HandlerContext } from '@connectrpc/connect'
import type { GatedAct } from '@powernode/approvals'
import { inTransaction } from '@powernode/postgres'
import type { MemberReport } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Child } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import {
  FailBackRequestSchema,
  FailBackResponseSchema,
  type FailBackRequest,
  type FailBackResponse,
} from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import { lockMember } from '../../operations/admit-member.ts'
import * as replication from '../../store/replication.ts'
import { readmit } from '../deliver.ts'
import type { MemberLine } from '../member-lines.ts'
import { memberNamed, shown } from '../rotate-credential.ts'
import { askKeeper } from './postgres-keeper.ts'
import type { PromotionDeps } from './promote-member.ts'
import { noteReturned } from './note-promoted.ts'
import { PROMOTE, type PromotionRecord } from './promotion-record.ts'

export const FAIL_BACK_STEPS = {
  rejoin: 'our Postgres is copied anew from the promoted member and follows it',
  stop: 'the promoted member is fenced and stopped; its last position is noted',
  take_over: 'our Postgres replays up to there and becomes the primary again',
  follow: 'the member copies our database anew and follows it',
} as const

type Step = keyof typeof FAIL_BACK_STEPS

const ANSWERS_WITHIN_MS = 60_000
const COPIES_WITHIN_MS = 30 * 60_000

/**
 * The way back: our former primary follows the promoted member until it has all of it, and takes over again.
 *
 * Never two that can be written to: ours takes over only when the member has been fenced and its server stopped. Until then
 * the member stays the primary, whatever fails here, and everything may be asked for again.
 */
export async function* failBack(
  deps: PromotionDeps,
  request: FailBackRequest,
  context: HandlerContext,
): AsyncGenerator<FailBackResponse> {
  const record = promoted(deps, request)
  if (request.dryRun) {
    const wire = await shownOf(deps, request, record)
    for (const step of Object.keys(FAIL_BACK_STEPS) as Step[]) yield saying(wire, step)
    return
  }
  await deps.gate.pass(context, act(request, record))
  yield* failingBack(deps, request, { actor: requestOf(context).actor, approvalId: '' })
}

type For = { readonly actor: string; readonly approvalId: string }

/** The same once it may be done. */
export async function* failingBack(
  deps: PromotionDeps,
  request: FailBackRequest,
  { actor, approvalId }: For,
): AsyncGenerator<FailBackResponse> {
  const before = promoted(deps, request)
  const wire = await shownOf(deps, request, before)
  const giveFree = deps.file.hold()
  const record = deps.file.write({ ...before, returnApprovalId: approvalId, returnFailure: '' })
  try {
    const line = deps.lines.get(record.peerId)
    // What an earlier call had done, whoever heard of it, is not done again: a member that stopped cannot be copied.
    const isStopped = line.report?.state === 'stopped'
    const isOurs = wire !== undefined && (await leads(deps, record))
    if (!isStopped && !isOurs)
      await askKeeper(deps, { act: 'follow', address: record.address, role: record.roleName }, COPIES_WITHIN_MS)
    yield saying(wire, 'rejoin')

    const stopped = await told(deps, line, { act: 'stop', reason: request.reason })
    yield saying(wire, 'stop', `the member stopped at ${stopped.replayLsn}`)

    const takeOver = { act: 'promote', lsn: stopped.replayLsn, timeline: record.newTimeline } as const
    if (!isOurs) await askKeeper(deps, takeOver, ANSWERS_WITHIN_MS)
    deps.file.write({ ...record, step: 'failed_back', told: false })
    yield saying(wire, 'take_over')

    await line.during(() => returned(deps, { record, line, actor, reason: request.reason }))
    yield saying(wire, 'follow')
  } catch (error) {
    noteFailure(deps, error)
    throw error
  } finally {
    giveFree()
  }
}

/** We lead again, or we do not: of a way that was not gone to its end it stands beside the promotion why. */
function noteFailure({ file }: PromotionDeps, error: unknown): void {
  const record = file.read()
  const returnFailure = error instanceof Error ? error.message : String(error)
  if (record?.step === 'done') file.write({ ...record, returnFailure })
}

const saying = (child: Child | undefined, step: Step, detail: string = FAIL_BACK_STEPS[step]): FailBackResponse =>
  create(FailBackResponseSchema, { ...(child && { child }), step, detail })

const act = (
  request: FailBackRequest,
  { hostname, peerId }: PromotionRecord,
): GatedAct<typeof FailBackRequestSchema> => ({
  action: PROMOTE,
  schema: FailBackRequestSchema,
  request,
  summary: `${hostname} gives back the place of our primary${request.reason ? `: ${request.reason}` : ''}`,
  effects: Object.values(FAIL_BACK_STEPS),
  peerId,
})

export function promoted({ file }: PromotionDeps, { child }: FailBackRequest): PromotionRecord {
  const record = file.read()
  if (!record || record.step !== 'done' || record.newTimeline === 0)
    throw new Refusal('CHILD_STATE_FORBIDS', `${child} is not the primary in our place`)
  return record
}

/** The child as it stands; nothing when our database cannot be asked, because it follows the member by now. */
async function shownOf({ db }: PromotionDeps, { child: named }: FailBackRequest, record: PromotionRecord) {
  const { childId, peerId, hostname } = record
  const { isIt, wire } = await inTransaction(db, async (tx) => {
    const { child, member } = await memberNamed(tx, named)
    return { isIt: member.peerId === peerId, wire: await shown(tx, child) }
  }).catch((error: unknown) => {
    if (error instanceof Refusal) throw error
    return { isIt: [childId, peerId, hostname].includes(named), wire: undefined }
  })
  if (!isIt) throw new Refusal('CHILD_STATE_FORBIDS', `it is ${hostname} that was promoted`)
  return wire
}

/** Whether our Postgres has taken over already: on a timeline that begins where the member's ended. */
async function leads({ db }: PromotionDeps, { newTimeline }: PromotionRecord): Promise<boolean> {
  try {
    const { inRecovery, fenced, timeline } = await inTransaction(db, replication.facts)
    return !inRecovery && !fenced && timeline > newTimeline
  } catch {
    return false // it follows, or does not run
  }
}

type Order = Omit<Parameters<MemberLine['give']>[0], 'within'>

async function told({ clock }: PromotionDeps, line: MemberLine, order: Order): Promise<MemberReport> {
  const within = durationFromMs(ANSWERS_WITHIN_MS)
  const patience = { clock, withinMs: ANSWERS_WITHIN_MS, signal: AbortSignal.any([]) }
  const report = await line.give({ ...order, within }, patience)
  if (!report || report.state === 'failed')
    throw new Refusal('MEMBER_NOT_READY', `the order to ${order.act} went wrong: ${report?.detail ?? 'no answer'}`)
  return report
}

type Returning = {
  readonly record: PromotionRecord
  readonly line: MemberLine
  readonly actor: string
  readonly reason: string
}

/** We are the primary again: said to everybody, and the member is admitted as if it came for the first time. */
async function returned(deps: PromotionDeps, { record, line, actor, reason }: Returning): Promise<void> {
  const { db, clock } = deps
  const { childId } = record
  const member = await inTransaction(db, async (tx) => {
    await noteReturned(tx, clock.now(), { record, actor, reason })
    return lockMember(tx, childId)
  })
  const report = await readmit(deps, { member, line, signal: AbortSignal.any([]) })
  if (!report || report.state === 'failed')
    throw new Refusal(
      'MEMBER_NOT_READY',
      `we are the primary again, and the member does not follow: ${report?.detail ?? ''}`,
    )
}
