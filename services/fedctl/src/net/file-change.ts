import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { ChangePlanSchema, type ChangePlan } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import { ChangeIntentRequestSchema, type Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Outcome } from '../output.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { planText } from '../render/net-plan.ts'
import { differenceLines, unchangedText } from '../render/net-records.ts'
import type { Session } from '../session.ts'
import { present, written } from '../written.ts'
import { differences, type Difference } from './difference.ts'
import { readIntentFile } from './intent-file.ts'
import { loadIntent } from './load.ts'
import { newId } from './new-id.ts'
import { wantedBy } from './wanted.ts'

type Said = { readonly file: string; readonly keep: boolean; readonly overrideTests: string }

/** What a file would change, tried and not done. The ids that it brings are the same when it is done. */
export type Rehearsed = {
  readonly act: readonly Difference[]
  readonly changes: readonly Change[]
  readonly requestId: string
  /** Undefined where nothing has to be changed. */
  readonly plan: ChangePlan | undefined
  readonly outcome: Outcome
}

const AT_ONCE = 1_000

export async function rehearsed(session: Session, { file, keep, overrideTests }: Said): Promise<Rehearsed> {
  const said = readIntentFile(session, file)
  const there = await loadIntent(session)
  const fresh = () => newId(session.clock.now())
  const act = differences(there, wantedBy(said, { there, keep, newId: fresh }))
  const changes = act.map((one) => one.change)
  const requestId = fresh()
  const plainDifferences = act.map(({ act, kind, path, fields }) => ({ act, kind, path, fields }))
  if (act.length === 0) {
    const data = { differences: [], plan: null }
    const outcome = written({ dryRun: false, data, text: unchangedText })
    return { act, changes, requestId, plan: undefined, outcome }
  }
  if (changes.length > AT_ONCE)
    throw usage(
      `${changes.length} records differ, and ${AT_ONCE} can be written at once`,
      'apply it in parts, with --keep',
    )
  const request = { changes, requestId, overrideTestsReason: overrideTests, dryRun: true }
  const plan = present((await session.clients.network.changeIntent(request)).plan, 'a plan')
  const outcome = written({
    dryRun: true,
    data: { differences: plainDifferences, plan: plain(ChangePlanSchema, plan) },
    text: (canvas) => `${differenceLines(act, canvas)}\n\n${planText({ ...plan, changes: [] }, canvas, there.nameOf)}`,
  })
  return { act, changes, requestId, plan, outcome }
}

/** A plan as it is kept: the very request, and the hash of what it does. */
export function planFile({ changes, requestId, plan }: Rehearsed, overrideTestsReason: string): string {
  const said = { changes: [...changes], requestId, overrideTestsReason, planSha256: plan?.sha256 ?? '' }
  const request = create(ChangeIntentRequestSchema, said)
  return `${toJsonString(ChangeIntentRequestSchema, request, { useProtoFieldName: true, prettySpaces: 2 })}\n`
}

export function readPlanFile(text: string, file: string) {
  try {
    const { changes, planSha256, requestId, overrideTestsReason } = fromJsonString(ChangeIntentRequestSchema, text)
    return { changes, planSha256, requestId, overrideTests: overrideTestsReason }
  } catch (cause) {
    throw usage(`${file} is no plan: ${cause instanceof Error ? cause.message : String(cause)}`, 'fedctl net plan --file <file> --out <file>') // prettier-ignore
  }
}
