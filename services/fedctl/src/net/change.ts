import { create } from '@bufbuild/protobuf'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { ChangePlanSchema, type ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import { ChangeSchema, type Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Canvas, Outcome } from '../output.ts'
import { plain } from '../plain.ts'
import { planText } from '../render/net-plan.ts'
import { age } from '../render/time.ts'
import type { Session } from '../session.ts'
import { isWaiting } from '../wait.ts'
import { present, written } from '../written.ts'
import { untilApplied } from './applied.ts'
import { itemOf, type IntentRecord } from './intent.ts'
import { namesFor } from './names-in.ts'

export type WriteOptions = {
  readonly dryRun?: boolean | undefined
  readonly wait?: number | true | undefined
  readonly overrideTests?: string
}

/** What is asked for: with a hash, only if that is what comes of it. */
export type Asked = WriteOptions & { readonly planSha256?: string; readonly requestId?: string }

export const put = (record: IntentRecord): Change =>
  create(ChangeSchema, { act: { case: 'put', value: itemOf(record) } })

/** Writes to the intent, all or nothing, and shows what comes of it; with --wait once the nodes have it. */
export async function change(session: Session, changes: readonly Change[], asked: Asked): Promise<Outcome> {
  const { plan, items, madeBeforeAt } = await session.clients.network.changeIntent({
    changes: [...changes],
    planSha256: asked.planSha256 ?? '',
    requestId: asked.requestId ?? '',
    overrideTestsReason: asked.overrideTests ?? '',
    dryRun: asked.dryRun === true,
  })
  const outcome = await planned(session, present(plan, 'a plan'), asked, {
    items: items.map((item) => plain(ItemSchema, item)),
    made_before_at: madeBeforeAt ? timestampDate(madeBeforeAt).toISOString() : null,
  })
  if (!madeBeforeAt) return outcome
  const madeBefore = (canvas: Canvas) => canvas.to.warn(`It was made already, ${age(madeBeforeAt, canvas.now)}: nothing was changed now. What it did then:`) // prettier-ignore
  return { ...outcome, text: (canvas) => `${madeBefore(canvas)}\n\n${outcome.text(canvas)}` }
}

/** The outcome of a write that has a plan; with --wait once the nodes that it touches have it. */
export async function planned(
  session: Session,
  plan: ChangePlan,
  { dryRun, wait }: WriteOptions,
  data: Readonly<Record<string, unknown>> = {},
): Promise<Outcome> {
  const nameOf = await namesFor(session, plan.warnings)
  const outcome = written({
    dryRun,
    data: { plan: plain(ChangePlanSchema, plan), ...data },
    text: (canvas) => planText(plan, canvas, nameOf),
  })
  if (!isWaiting(wait) || dryRun) return outcome
  await untilApplied(session, plan.nodes.map((node) => node.nodeInstanceId), wait) // prettier-ignore
  return outcome
}
