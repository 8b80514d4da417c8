import { create, toBinary } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import {
  ChangeIntentResponseSchema,
  type ChangeIntentResponse,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import { brokenBy, changePlanOf, newProblems, touchedOf } from '../change-plan.ts'
import { intentChanged } from '../events/intent-changed.ts'
import { applyActs } from '../intent/apply.ts'
import type { Act } from '../intent/acts.ts'
import { differenceOf, Draft, type Difference, type Intent } from '../intent/intent.ts'
import { anyOf, itemOf } from '../intent/to-wire.ts'
import { runTests } from '../model/run-tests.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import type { Problem } from '../plan.ts'
import { reachabilityDiff } from '../model/reachability-diff.ts'
import * as changes from '../store/changes.ts'
import * as crossings from '../store/crossings.ts'
import * as state from '../store/intent-state.ts'
import * as intents from '../store/intent.ts'
import * as space from '../store/space.ts'
import type { SdwanTx } from '../store/tables.ts'
import { endDeployments } from './end-deployments.ts'
import { keepSecrets, passOnVirtualIps } from './follow-change.ts'
import type { Sealing } from './settle-offers.ts'
import { settleCrossings } from './settle-crossings.ts'
import { readNetwork } from './read-network.ts'

export type Said = {
  readonly by: By
  readonly acts: readonly Act[]
  readonly compiler: NetworkCompiler
  readonly sealing: Sealing
  /** The platform's trust domain: whose networks they are. */
  readonly accountId: string
  /** Under which the change is known, so that it is made once. */
  readonly request?: { readonly id: string; readonly sha256: Buffer } | undefined
  /** Only if the plan is this one; empty: whatever it is. */
  readonly planSha256?: string
  /** The policies that it was let through under: it is refused if by now it falls under another. Undefined: nobody was asked. */
  readonly weighed?: readonly string[] | undefined
  /** Written although tests fail: why. */
  readonly overrideTestsReason?: string
  /** Nobody reads what opens and closes: the steps of a run, whose plan was shown as a whole. */
  readonly skipReach?: boolean
  /** Why a virtual IP passes on, if it does. */
  readonly reason?: string
}

export type Changed = {
  readonly answer: ChangeIntentResponse
  /** To be kept once it is committed. */
  readonly network: Network
}

/**
 * Records of intent are created, changed and deleted, all or none.
 *
 * What follows for every node is compiled in the same transaction: a change that cannot be compiled, breaks a test or is not the
 * one that was approved leaves nothing behind. Roads to peers follow at once. The turn is held, so that what was read is what is
 * changed. Heard by audit-ledger; every replica hears that it has to compile anew.
 */
export async function changeIntent(tx: SdwanTx, now: Date, said: Said): Promise<Changed> {
  const { by, acts, compiler, request } = said
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, said)
  const draft = new Draft(before.intent)
  const applied = applyActs(draft, acts, await groundOf(tx, now, said))
  refuseUnweighed(applied.actions, said.weighed)
  const difference = differenceOf(before.intent, draft.now)
  await intents.write(tx, difference)
  await keepSecrets(tx, now, { networks: difference.network.inserted, sealing: said.sealing })
  await passOnVirtualIps(tx, now, { before: before.intent, difference, by, reason: said.reason || 'changed' })
  const after = await follow(tx, now, { before, intent: draft.now, difference, compiler })

  refuseProblems(newProblems(before, after))
  const tests = after.world.tests.length > 0 ? runTests(compiler.modelOf(after)) : []
  const warnings = refuseBroken(before, { tests, said, difference })
  const reach =
    said.skipReach || before.plan === after.plan
      ? NO_REACH
      : reachabilityDiff(compiler.modelOf(before), compiler.modelOf(after))
  const { lines, actions, put } = applied
  const inexact = reach.exact
    ? []
    : ['more is opened and closed than could be counted: the totals are the least there are']
  const problems = problemLines(before, after, put)
  const plan = changePlanOf({ before, after, lines, actions, written: writtenOf(difference), reach, tests, warnings: [...warnings, ...inexact, ...problems] }) // prettier-ignore
  if (said.planSha256 && said.planSha256 !== plan.sha256) throw planChanged(said.planSha256, plan.sha256)

  const items = put.map(({ kind, id }) => draft.get(kind, id)).flatMap((record, at) => record ? [itemOf(anyOf(put[at]?.kind ?? 'network', record))] : []) // prettier-ignore
  const answer = create(ChangeIntentResponseSchema, { plan, items })
  if (lines.length === 0) return { answer, network: before }
  const version = await state.countOn(tx)
  const changeId = newId(now)
  await changes.insert(tx, {
    id: changeId,
    requestId: request?.id ?? null,
    requestSha256: request?.sha256 ?? Buffer.alloc(32),
    by: by.actor,
    at: now,
    version,
    lines,
    planSha256: plan.sha256,
    answer: toBinary(ChangeIntentResponseSchema, answer),
  })
  const nodesTouched = touchedOf(before, after).length
  const isForced = warnings.some((warning) => warning.startsWith(OVERRIDDEN))
  const told = isForced ? [...lines, ...warnings] : lines
  await append(
    tx,
    intentChanged({ changeId, by, at: now, changes: told, planSha256: plan.sha256, nodesTouched, isForced }),
  )
  return { answer, network: { ...after, version } }
}

const NO_REACH = { gained: [], lost: [], gainedTotal: 0, lostTotal: 0, exact: true }

async function groundOf(tx: SdwanTx, now: Date, { by, accountId }: Said) {
  const prefixes = await space.find(tx, accountId)
  if (!prefixes) throw new Error('the prefixes of this installation were never drawn')
  const ends = Map.groupBy(await crossings.ends(tx), ({ nodeId }) => nodeId)
  const portsInUse = (nodeId: string) => (ends.get(nodeId) ?? []).map(({ listenPort }) => listenPort)
  return { now, by: by.actor, accountId, ...prefixes, portsInUse }
}

type Following = { readonly before: Network; readonly intent: Intent; readonly difference: Difference; readonly compiler: NetworkCompiler } // prettier-ignore

/** The network after the change, with the roads to peers as they follow from it. */
async function follow(tx: SdwanTx, now: Date, { before, intent, difference, compiler }: Following): Promise<Network> {
  const concernsRoads = (['network', 'member', 'virtual_ip', 'prefix_access', 'firewall_rule'] as const).some((kind) => !isNothing(difference[kind])) // prettier-ignore
  const moved = concernsRoads && (await settleCrossings(tx, now))
  const roads = moved ? await crossings.forWorld(tx) : before.crossings
  // Rules that name a peer go with its road.
  const whole = moved ? { ...intent, firewall_rule: await intents.readKind(tx, 'firewall_rule') } : intent
  const endings = await endDeployments(tx, now, { before, difference })
  return compiler.compile(before.version, whole, { crossings: roads, endings })
}

const isNothing = ({ inserted, updated, deleted }: Difference[keyof Difference]): boolean =>
  inserted.length + updated.length + deleted.length === 0

function refuseProblems(problems: readonly Problem[]): void {
  const [first, ...others] = problems.filter(({ fatal }) => fatal)
  if (!first) return
  const more = others.length > 0 ? `; and ${others.length} more of the kind` : ''
  const reason = first.code === 'RULE_VANISHES' || first.code === 'PREFIX_OVERLAP' ? first.code : 'INTENT_INVALID'
  throw new Refusal(reason, `${first.message}${more}`, { metadata: { record: first.record, problem: first.code } })
}

/** What a change brings up, and what is the matter with the records it writes; what was so before is counted. */
function problemLines(before: Network, after: Network, put: readonly { readonly kind: string; readonly id: string }[]) {
  const isNew = new Set(newProblems(before, after))
  const written = new Set(put.map(({ kind, id }) => `${kind}/${id}`))
  const shown = after.plan.problems.filter((problem) => isNew.has(problem) || written.has(problem.record))
  const others = after.plan.problems.length - shown.length
  return [
    ...shown.map(({ code, record, message }) => `${code} ${record}: ${message}`),
    ...(others > 0 ? [`and ${others} that ${others === 1 ? 'was' : 'were'} there before: fedctl net compile`] : []),
  ]
}

/** It names a place that is no more: that is no question of reachability, and the test goes first. */
const isAboutNobody = ({ failure = '' }: { readonly failure?: string }): boolean => failure.startsWith('nobody is called ') // prettier-ignore

const OVERRIDDEN = 'written although tests fail'

type Tested = { readonly tests: ReturnType<typeof runTests>; readonly said: Said; readonly difference: Difference }

/** Refuses what breaks a test, or says so in a warning when that is wanted. */
function refuseBroken(before: Network, { tests, said, difference }: Tested): readonly string[] {
  const { compiler, overrideTestsReason = '' } = said
  if (tests.every(({ passed }) => passed)) return []
  const earlier = before.world.tests.length > 0 ? runTests(compiler.modelOf(before)) : []
  const wrote = new Set([...difference.test.inserted, ...difference.test.updated].map(({ id }) => id))
  const [first, ...others] = brokenBy(earlier, tests, wrote)
  if (!first) return tests.flatMap(({ passed, name }) => (passed ? [] : [`test ${name} failed before, and does still`]))
  if (overrideTestsReason !== '') return [`${OVERRIDDEN} (${first.name ?? ''}): ${overrideTestsReason}`]
  const more = others.length > 0 ? `; and ${others.length} more` : ''
  throw new Refusal('TEST_FAILED', `test ${first.name ?? ''}: ${first.failure ?? ''}${more}`, {
    metadata: { test_id: first.testId ?? '', test: first.name ?? '' },
    next: isAboutNobody(first)
      ? `fedctl net test remove '${first.name ?? ''}'`
      : 'fedctl net why <src> <dst> <protocol>/<port>',
  })
}

/** Every record as it is written, without moments and names of people: what the hash of a plan is over. */
const writtenOf = (difference: Difference): readonly string[] =>
  Object.entries(difference).flatMap(([kind, { inserted, updated, deleted }]) => [
    ...[...inserted, ...updated].map((record) => `${kind} ${JSON.stringify({ ...record, createdAt: '', createdBy: '', updatedAt: '', updatedBy: '' })}`), // prettier-ignore
    ...deleted.map(({ id }) => `${kind} ${id} -`),
  ])

/** Between the gate and its turn others write: what changed nothing may undo them by now, what made a record may change one. */
function refuseUnweighed(actions: readonly string[], weighed: readonly string[] | undefined): void {
  const others = actions.filter((action) => weighed?.includes(action) === false)
  if (others.length === 0) return
  throw new Refusal('PLAN_CHANGED', `by now the change falls under ${others.join(', ')} too`, {
    metadata: { actions: others.join(',') },
    next: 'ask again',
  })
}

const planChanged = (wanted: string, is: string): Refusal =>
  new Refusal('PLAN_CHANGED', 'the change would do something else by now than what was looked at', {
    metadata: { wanted, plan_sha256: is },
    next: 'fedctl net plan, and look again',
  })
