import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { eitherOf, executor, type Aftermath, type Executor, type GatedAct } from '@powernode/approvals'
import { inTransaction } from '@powernode/postgres'
import type { Task } from '@powernode/process'
import type { Child as WireChild } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import {
  FailBackRequestSchema,
  PromoteMemberRequestSchema,
  PromoteMemberResponseSchema,
  type PromoteMemberRequest,
  type PromoteMemberResponse,
} from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import type { Child } from '../../child.ts'
import type { Member } from '../../member.ts'
import type { Tables } from '../../store/tables.ts'
import type { LineDeps } from '../attend-member.ts'
import { Mailbox } from '../mailbox.ts'
import type { MemberHandlers } from '../replication.ts'
import { memberNamed, shown } from '../rotate-credential.ts'
import { failBack, failingBack, promoted } from './fail-back.ts'
import { keepFenced } from './keep-fenced.ts'
import { promoteMember, type PromotionDeps, type Say } from './promote-member.ts'
import {
  aftermathOf,
  isOver,
  PROMOTE,
  PROMOTION_STEPS,
  PromotionFile,
  type PromotionRecord,
} from './promotion-record.ts'
import { resumePromotion } from './resume-promotion.ts'
import { supersede, type Supersede } from './superseded.ts'

export type PromotionActs = {
  readonly handlers: Pick<MemberHandlers, 'promoteMember' | 'failBack'>
  readonly executors: Readonly<Record<string, Executor<Tables>>>
  readonly supersede: Supersede
  /** Ends what a crash left in the middle, and keeps a primary fenced that a member was told to take the place of. */
  readonly tasks: readonly Task[]
}

type Found = { readonly child: Child; readonly member: Member; readonly wire: WireChild }

/** The doors to a promotion: asked for by an operator, or carried out once approved. */
export function promotionActs(parts: LineDeps): PromotionActs {
  const deps: PromotionDeps = { ...parts, file: new PromotionFile(parts.config.stateDir) }
  const refused: Refused = new Map()
  return {
    handlers: {
      promoteMember: (request, context) => promoting(deps, request, context),
      failBack: (request, context) => failBack(deps, request, context),
    },
    executors: {
      [PROMOTE]: {
        ...eitherOf(promoter(deps, refused), returner(deps, refused)),
        aftermath: aftermathIn(deps, refused),
      },
    },
    tasks: [(signal) => resumePromotion(deps, signal), (signal) => keepFenced(deps, signal)],
    supersede: supersede(deps),
  }
}

/** What was approved and could not even be begun, by approval. */
type Refused = Map<string, Pick<Refusal, 'reason' | 'message'>>

/** Judged before it counts as carried out: what can no longer be done by then is refused for good. */
const promoter = (deps: PromotionDeps, refused: Refused): Executor<Tables> =>
  executor(PromoteMemberRequestSchema, async (_tx, _now, request, { actor: by, approvalId }) => {
    const found = await find(deps, request)
    ready(deps, found, request)
    const beginning = { found, request, by, approvalId, say: () => undefined }
    return (signal) => noting(refused, approvalId, () => alone(deps, beginning, signal))
  })

const returner = (deps: PromotionDeps, refused: Refused): Executor<Tables> =>
  executor(FailBackRequestSchema, async (_tx, _now, request, { actor, approvalId }) => {
    promoted(deps, request)
    return () =>
      noting(refused, approvalId, async () => {
        for await (const _ of failingBack(deps, request, { actor, approvalId })); // each step is noted where it is taken
      })
  })

async function noting(refused: Refused, approvalId: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    refused.set(approvalId, error instanceof Refusal ? error : { reason: 'MEMBER_NOT_READY', message })
    throw error
  }
}

/** How it stands with what was approved: by the record, which outlives a crash, and speaks of the last promotion. */
const aftermathIn =
  ({ file }: PromotionDeps, refused: Refused) =>
  (approvalId: string): Aftermath => {
    const record = file.read()
    const known = record && aftermathOf(record, approvalId)
    return known ?? refused.get(approvalId) ?? 'under way' // elsewhere, by a replica whose record is not here
  }

/** What is done goes on though nobody listens any more: a promotion that stops in the middle leaves no primary. */
async function* promoting(
  deps: PromotionDeps,
  request: PromoteMemberRequest,
  context: HandlerContext,
): AsyncGenerator<PromoteMemberResponse> {
  const found = await find(deps, request)
  const { child, wire } = found
  ready(deps, found, request)
  if (request.dryRun) {
    for (const step of PROMOTION_STEPS)
      yield create(PromoteMemberResponseSchema, { child: wire, step, detail: PLAN[step] })
    return
  }
  await deps.gate.pass(context, act(request, found))
  const by = requestOf(context).actor
  const said = new Mailbox<PromoteMemberResponse>()
  const say: Say = (step, detail) => said.put(create(PromoteMemberResponseSchema, { child: wire, step, detail }))
  const ending = alone(deps, { found, request, by, approvalId: '', say }, NEVER).finally(() => said.close())
  ending.catch(() => undefined) // thrown below, to whoever still listens
  deps.logger.info({ task: 'promotion', peer_id: child.peerId ?? '', actor: by }, 'a member is promoted')
  yield* said
  await ending
}

const NEVER = AbortSignal.any([])

async function find(deps: PromotionDeps, { child: named }: { readonly child: string }): Promise<Found> {
  try {
    return await inTransaction(deps.db, async (tx) => {
      const { child, member } = await memberNamed(tx, named)
      return { child, member, wire: await shown(tx, child) }
    })
  } catch (error) {
    const known = deps.lines.known(named)
    if (error instanceof Refusal || !known) throw error
    return known // the database is gone: what the line was opened with still holds
  }
}

function ready(deps: PromotionDeps, { child, member }: Found, { force, reason }: PromoteMemberRequest): void {
  const open = deps.file.read()
  if (open && !isOver(open) && open.childId !== child.id)
    throw new Refusal('CHILD_STATE_FORBIDS', `${open.hostname} is being promoted, and has not said how it went`)
  if (force && reason === '') throw new Refusal('REQUEST_INVALID', 'whoever forces it says why two primaries cannot be')
  const { report } = deps.lines.get(member.peerId)
  // It reports every two seconds; our own server knows at once whom it sends to.
  const follows = member.state === 'streaming' || report?.state === 'streaming' || report?.state === 'promoted'
  if (!follows && !force)
    throw new Refusal(
      'MEMBER_NOT_READY',
      `the member says it is ${report?.state ?? 'silent'}: ${report?.detail ?? ''}`,
      {
        next: `fedctl child show ${child.hostname}`,
      },
    )
}

const act = (request: PromoteMemberRequest, { child }: Found): GatedAct<typeof PromoteMemberRequestSchema> => ({
  action: PROMOTE,
  schema: PromoteMemberRequestSchema,
  request,
  summary: `${child.hostname} becomes the primary in our place${request.reason ? `: ${request.reason}` : ''}`,
  effects: PROMOTION_STEPS.map((step) => PLAN[step]),
  ...(child.peerId !== null && { peerId: child.peerId }),
})

type Beginning = Pick<PromotionRecord, 'by' | 'approvalId'> & {
  readonly found: Found
  readonly request: PromoteMemberRequest
}

/** One at a time, and judged once more: since it was asked for, or approved, another may have been. */
async function alone(
  deps: PromotionDeps,
  { say, ...beginning }: Beginning & { readonly say: Say },
  signal: AbortSignal,
): Promise<void> {
  const giveFree = deps.file.hold()
  try {
    ready(deps, beginning.found, beginning.request)
    await promoteMember(deps, { record: begin(deps, beginning), say }, signal)
  } finally {
    giveFree()
  }
}

function begin(
  { clock }: PromotionDeps,
  { found: { child, member }, request, by, approvalId }: Beginning,
): PromotionRecord {
  return {
    childId: child.id,
    hostname: child.hostname,
    peerId: member.peerId,
    roleName: member.roleName,
    by,
    approvalId,
    reason: request.reason,
    forced: request.force,
    byItself: false,
    startedAt: clock.now().toISOString(),
    step: 'fence_gate',
    told: false,
    lsn: '',
    timeline: 0,
    newTimeline: 0,
    address: '',
    failure: '',
    systemIdentifier: '',
    returnApprovalId: '',
    returnFailure: '',
  }
}

const PLAN = {
  fence_gate: 'every session of our database begins read-only',
  fence_roles: 'no service logs in any more, nor any member but this one',
  fence_tunnel: "whoever is connected is cut off, the member's own stream excepted",
  settle_lsn: 'the position is noted before which everything lies that was answered for',
  await_replay: 'the member replays up to there',
  promote: 'the member becomes the primary, on a timeline of its own',
  verify: 'it takes writes, and we do not',
} as const
