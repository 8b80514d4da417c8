import { inTransaction } from '@powernode/postgres'
import type { MemberReport } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { AttendMemberRequest, AttendMemberResponse } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { AttendMemberResponseSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { create } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'
import { isReadmitted, slotNameOf, type Member } from '../member.ts'
import { noteReport, tellOf } from '../operations/watch-member.ts'
import type { SpawnDeps } from '../spawn-deps.ts'
import * as children from '../store/children.ts'
import * as replication from '../store/replication.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import { childToWire } from '../wire.ts'
import { memberToWire } from '../wire-member.ts'
import { deliverCredential, readmit } from './deliver.ts'
import { isSuperseded, type Supersede } from './promotion/superseded.ts'
import type { About, MemberLine, MemberLines } from './member-lines.ts'

export type LineDeps = SpawnDeps & { readonly lines: MemberLines }
type AttendDeps = LineDeps & { readonly supersede: Supersede }

type Context = { readonly signal: AbortSignal }

/**
 * The standing line of a member. It says every two seconds how it is; what it is told goes the other way.
 *
 * The line MUST outlive our database: when that is fenced nothing can be noted, and the order to take over still has to go
 * out over it.
 */
export function attendMember(deps: AttendDeps) {
  return async function* (
    requests: AsyncIterable<AttendMemberRequest>,
    context: Context,
  ): AsyncGenerator<AttendMemberResponse> {
    const reading = requests[Symbol.asyncIterator]()
    const first = await reading.next()
    if (first.done) return
    const { peerId, report } = first.value
    if (peerId === '') throw new Refusal('REQUEST_INVALID', 'the first message of a line says whose it is')
    const line = deps.lines.open(peerId)
    const listening = listen(deps, { peerId, line, first: report, reading, signal: context.signal })
    listening.catch(() => undefined) // heard below; but not by anybody when the member went first
    try {
      for await (const order of line.orders) yield create(AttendMemberResponseSchema, { order })
    } finally {
      deps.lines.close(peerId, line)
    }
    await listening
  }
}

type Listening = {
  readonly peerId: string
  readonly line: MemberLine
  readonly first: MemberReport | undefined
  readonly reading: AsyncIterator<AttendMemberRequest>
  readonly signal: AbortSignal
}

/** Hears reports until the member goes, or comes again over another line. */
async function listen(deps: AttendDeps, { peerId, line, first, reading, signal }: Listening): Promise<void> {
  const { logger } = deps
  try {
    let report = first
    for (;;) {
      if (signal.aborted) return // what was read of a line that has ended may be long ago
      if (report) {
        line.heard(report)
        await note(deps, { peerId, line, report, signal })
      }
      const next = await reading.next()
      if (next.done) return
      report = next.value.report
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (!signal.aborted) logger.info({ task: 'member line', peer_id: peerId, error }, 'the line of a member ended')
  } finally {
    line.orders.close()
  }
}

type Heard = Pick<Listening, 'peerId' | 'line' | 'signal'> & { readonly report: MemberReport }

/** Notes the report, and tells the member what has waited for it. A database that takes no notes ends no line. */
async function note(deps: AttendDeps, { peerId, line, report, signal }: Heard): Promise<void> {
  const { db, clock, logger } = deps
  let member: Member | undefined
  let isOver = false
  try {
    member = await inTransaction(db, async (tx) => {
      const facts = await replication.facts(tx)
      if (facts.fenced || signal.aborted) return undefined
      isOver = report.state === 'promoted' && isSuperseded(facts, report, await isSentTo(tx, peerId))
      const { redisStatus, address } = report
      const claim = isOver && !isBelieved(deps) ? claimOf(report) : ''
      const noted = await noteReport(tx, clock.now(), { peerId, redisStatus, address, claim })
      if (!noted) throw new Refusal('NOT_CLUSTER_MEMBER', 'no replica of our database is kept for this peering')
      line.about ??= await aboutOf(tx, noted)
      return noted
    })
    if (member && isOver)
      return await (isBelieved(deps) ? deps.supersede(member, report) : doubt(deps, { member, report }))
    deps.lines.doubted.delete(peerId)
  } catch (error) {
    if (error instanceof Refusal) throw error
    logger.warn({ task: 'member line', peer_id: peerId, error }, 'a report could not be noted')
    return
  }
  if (!member || line.busy || report.orderId !== '') return
  const later = (work: () => Promise<unknown>) =>
    void line.during(work).catch((error: unknown) => {
      logger.warn({ task: 'member line', peer_id: peerId, error }, 'what waited for a member could not be handed over')
    })
  // One that streams has obeyed, and is about to be seen to.
  if (isReadmitted(member) && report.state !== 'streaming')
    later(() => readmitPatiently(deps, { member, line, signal }))
  else if (member.passwordSealed !== null && member.streamedAt !== null)
    later(() => deliverCredential(deps, { member, line, signal }))
}

const isBelieved = ({ config }: LineDeps): boolean => config.replication.takeOver === 'believed'

const claimOf = ({ timeline }: MemberReport): string =>
  `it says that it leads in our place, on timeline ${timeline}; it is not believed by its word alone`

/** Its operator has said that no member stops our writes by its word alone: it is said once, and somebody looks. */
async function doubt(
  { db, clock, logger, lines }: LineDeps,
  { member: { childId, peerId }, report }: { readonly member: Member; readonly report: MemberReport },
): Promise<void> {
  if (lines.doubted.has(peerId)) return
  const reason = claimOf(report)
  await inTransaction(db, (tx) => tellOf(tx, 'lagging', { childId, at: clock.now(), reason }))
  lines.doubted.add(peerId)
  logger.error({ task: 'member line', peer_id: peerId, reason }, 'a member says that it took over: there may be two primaries') // prettier-ignore
}

const isSentTo = async (tx: SpawnTx, peerId: string): Promise<boolean> =>
  (await replication.watch(tx)).some((one) => one.slotName === slotNameOf(peerId) && one.active)

const AGAIN_MS = 15_000

/** One that cannot copy now is not told to with each report. */
async function readmitPatiently(deps: LineDeps, to: Parameters<typeof readmit>[1]): Promise<void> {
  const report = await readmit(deps, to)
  if (!report || report.state === 'failed') await deps.clock.sleep(AGAIN_MS, to.signal)
}

async function aboutOf(tx: SpawnTx, member: Member): Promise<About | undefined> {
  const child = await children.find(tx, member.childId)
  return child && { child, member, wire: childToWire(child, await steps.listOf(tx, child.id), memberToWire(member)) }
}
