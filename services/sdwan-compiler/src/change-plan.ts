import { createHash } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { ChangePlanSchema, type ChangePlan, type ReachabilityChangeSchema, type TestOutcome, type TestOutcomeSchema } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts' // prettier-ignore
import type { Network } from './network.ts'
import type { NodePlan, Problem } from './plan.ts'
import { wordsOf } from './compile/wireguard/tunnel.ts'
import type { Id } from './world.ts'
import { bytesOf } from './state-bytes.ts'

type TestShape = MessageInitShape<typeof TestOutcomeSchema>
type ReachShape = MessageInitShape<typeof ReachabilityChangeSchema>

/** What becomes possible, and what becomes impossible: at most so many of each are listed. */
export type Reach = {
  readonly gained: readonly ReachShape[]
  readonly lost: readonly ReachShape[]
  readonly gainedTotal: number
  readonly lostTotal: number
}

export type Planned = {
  readonly before: Network
  readonly after: Network
  readonly lines: readonly string[]
  readonly actions: readonly string[]
  /** Canonical text of every record as it will be, so that the hash is over what is written and not over its name. */
  readonly written: readonly string[]
  readonly reach: Reach
  readonly tests: readonly TestShape[]
  readonly warnings: readonly string[]
}

/**
 * What a change does, before it is done. Its hash is over the change, over every node that it touches as it was and as it will
 * be, and over what it opens and closes: what is approved is this, and whatever else happens meanwhile may.
 */
export function changePlanOf(said: Planned): ChangePlan {
  const { before, after, lines, actions, written, reach, tests, warnings } = said
  const touched = touchedOf(before, after)
  const versions = touched.map((id) => [
    id,
    before.plan.nodes.get(id)?.version ?? '',
    after.plan.nodes.get(id)?.version ?? '',
  ])
  const canonical = JSON.stringify([
    lines,
    written,
    versions,
    reach.gainedTotal,
    reach.lostTotal,
    tests.map(({ testId = '', passed = false }) => [testId, passed]),
  ])
  return create(ChangePlanSchema, {
    sha256: createHash('sha256').update(canonical).digest('hex'),
    changes: [...lines],
    nodes: touched.slice(0, MOST_NODES).map((id) => touchOf(id, before, after)),
    gained: [...reach.gained],
    lost: [...reach.lost],
    gainedTotal: BigInt(reach.gainedTotal),
    lostTotal: BigInt(reach.lostTotal),
    tests: [...tests],
    warnings: [
      ...warnings,
      ...(touched.length > MOST_NODES ? [`${touched.length - MOST_NODES} more nodes are touched`] : []),
    ],
    actions: [...actions],
  })
}

const MOST_NODES = 1_000

/** The nodes that are to look otherwise, by id. Of the same plan nothing is compared. */
export function touchedOf(before: Network, after: Network): readonly Id[] {
  if (before.plan === after.plan) return []
  const ids: Id[] = []
  for (const [id, plan] of after.plan.nodes) {
    const was = before.plan.nodes.get(id)
    if (was !== plan && was?.version !== plan.version) ids.push(id)
  }
  for (const id of before.plan.nodes.keys()) if (!after.plan.nodes.has(id)) ids.push(id)
  return ids.toSorted()
}

function touchOf(id: Id, before: Network, after: Network) {
  const [was, is] = [lookAt(before.plan.nodes.get(id)), lookAt(after.plan.nodes.get(id))]
  const member = [...membersOn(after, id), ...membersOn(before, id)][0]
  return {
    nodeInstanceId: id,
    name: member?.name ?? '',
    artifacts: artifactsBetween(was, is),
    bytesBefore: BigInt(was.bytes),
    bytesAfter: BigInt(is.bytes),
  }
}

const byNode = new WeakMap<object, ReadonlyMap<Id, readonly { readonly name: string }[]>>()

function membersOn({ world }: Network, id: Id): readonly { readonly name: string }[] {
  const index = byNode.get(world.members) ?? Map.groupBy(world.members, ({ nodeId }) => nodeId)
  byNode.set(world.members, index)
  return index.get(id) ?? []
}

/** Of a hub of thousands all this is megabytes of text: looked at once for each plan, since what is after is before the next. */
const looks = new WeakMap<NodePlan, Look>()
type Look = { readonly bytes: number; readonly artifacts: Readonly<Record<string, string>> }
const NOTHING: Look = { bytes: 0, artifacts: {} }

function lookAt(plan: NodePlan | undefined): Look {
  if (!plan) return NOTHING
  const known = looks.get(plan)
  if (known) return known
  const { interfaces, vrfs, heldAddresses } = plan
  const artifacts = {
    wireguard: textOf(interfaces.map(({ name, listenPort, mtu, vrfName, addresses, preshared }) => [name, listenPort, mtu, vrfName, addresses, preshared])) + interfaces.map(({ config, standby }) => config + wordsOf(standby)).join(''), // prettier-ignore
    nftables: plan.nftables,
    frr: plan.frr,
    ovn: textOf(plan.ovnEndings.length > 0 ? [plan.ovn, plan.ovnEndings] : plan.ovn),
    routes: textOf([interfaces.map(({ name, routes }) => [name, routes]), vrfs, heldAddresses]),
    tests: textOf(plan.tests),
  }
  const look = { bytes: bytesOf(plan), artifacts }
  looks.set(plan, look)
  return look
}

/** Empty for what is not there and for what holds nothing: neither is a change from the other. */
const textOf = (value: unknown): string => (JSON.stringify(value) ?? '').replace(/^(\[[[\],]*\])$/, '')

function artifactsBetween(was: Look, is: Look): string[] {
  const names = new Set([...Object.keys(was.artifacts), ...Object.keys(is.artifacts)])
  return [...names].filter((name) => (was.artifacts[name] ?? '') !== (is.artifacts[name] ?? ''))
}

/** Those that the change brings: what was wrong before keeps nobody from mending something else. */
export function newProblems(before: Network, after: Network): readonly Problem[] {
  const known = new Set(before.plan.problems.map(nameOf))
  return after.plan.problems.filter((problem) => !known.has(nameOf(problem)))
}

const nameOf = ({ code, record }: Problem): string => `${code} ${record}`

/** The tests that a change breaks: they passed before, or it writes them. */
export function brokenBy(
  before: readonly Pick<TestOutcome, 'testId' | 'passed'>[],
  after: readonly TestShape[],
  wrote: ReadonlySet<Id>,
): readonly TestShape[] {
  const failing = new Set(before.flatMap(({ testId, passed }) => (passed ? [] : [testId])))
  return after.filter(({ testId = '', passed }) => !passed && (wrote.has(testId) || !failing.has(testId)))
}
