import type { NodePlan, NodeTest, OvnEnding, OvnPlan } from '../plan.ts'
import type { Id, Member, VrfAssignment } from '../world.ts'
import { compileFrr } from './frr/compile-frr.ts'
import { FrrInputs } from './frr-inputs.ts'
import { compared } from './compared.ts'
import { Layers } from './layers.ts'
import { isSame, kept } from './memo.ts'
import type { MemberPart } from './network.ts'
import { nodePlan } from './node.ts'
import { vrfOf, type WorldIndex } from './world-index.ts'

type Known = {
  /** Of whom it is made: while these bring the same, and nothing beside is another, nothing else is looked at. */
  readonly parts: readonly MemberPart[]
  readonly inputs: readonly unknown[]
  readonly frrInputs: readonly unknown[] | undefined
  readonly plan: NodePlan
}

/** What comes to nodes beside their members. */
export type Beside = {
  readonly ovn: ReadonlyMap<Id, OvnPlan>
  readonly ovnEndings: ReadonlyMap<Id, readonly OvnEnding[]>
  readonly tests: ReadonlyMap<Id, readonly NodeTest[]>
}

/** What nodes are made of. */
export type Made = {
  readonly partOf: (member: Member) => MemberPart | undefined
  /** Where members are others, or bring something else than before. */
  readonly changedNodes: ReadonlySet<Id>
  readonly beside: Beside
}

/** Puts nodes together from the parts of their members; a plan whose parts are as before is the very same. */
export class Nodes {
  readonly #frrInputs = new FrrInputs()
  readonly #known = new Map<Id, Known>()
  #plans = new Layers<NodePlan>()
  #wereOfMembersAlone = false

  /** By id; and the ids of nodes whose plan is another one than the last time, of new ones and of those that are gone. */
  compile(
    index: WorldIndex,
    { partOf, changedNodes, beside }: Made,
  ): { readonly nodes: ReadonlyMap<Id, NodePlan>; readonly touched: readonly Id[] } {
    const changes = new Map<Id, NodePlan | undefined>()
    const touched: Id[] = []
    for (const id of this.#toLookAt(index, changedNodes, beside)) {
      const known = this.#known.get(id)
      if (!index.nodes.has(id) && !beside.ovn.has(id) && !beside.ovnEndings.has(id)) {
        if (this.#known.delete(id)) touched.push(id)
        changes.set(id, undefined)
        continue
      }
      const parts = partsOf(index, id, { partOf, known: known?.parts })
      const now = this.#compileNode(index, { id, known, parts }, beside)
      if (now === known) continue
      this.#known.set(id, now)
      changes.set(id, now.plan)
      if (now.plan.version !== known?.plan.version) touched.push(id)
    }
    this.#plans = this.#plans.after(changes)
    return { nodes: this.#plans, touched: touched.toSorted(compared) }
  }

  /** Where nothing but members makes a node, only theirs that changed; or else all, those of before too. */
  #toLookAt(index: WorldIndex, changedNodes: ReadonlySet<Id>, { ovn, ovnEndings, tests }: Beside): Iterable<Id> {
    const isOfMembersAlone =
      !(index.world.platform.bgp.enabled && index.speaks) &&
      index.vrfs.size + ovn.size + ovnEndings.size + tests.size === 0
    const isQuick = isOfMembersAlone && this.#wereOfMembersAlone
    this.#wereOfMembersAlone = isOfMembersAlone
    if (isQuick) return changedNodes
    return new Set([...index.nodes.keys(), ...ovn.keys(), ...ovnEndings.keys(), ...this.#known.keys()])
  }

  #compileNode(
    index: WorldIndex,
    its: { readonly id: Id; readonly known: Known | undefined; readonly parts: readonly MemberPart[] },
    beside: Beside,
  ): Known {
    const { id, known, parts } = its
    const frrInputs = this.#frrInputs.of(index, id)
    const vrfs = index.vrfs.size === 0 ? NO_VRFS : vrfsOf(index, index.nodes.get(id) ?? [])
    const ovn = beside.ovn.get(id)
    const ovnEndings = beside.ovnEndings.get(id) ?? NO_ENDINGS
    const tests = beside.tests.get(id) ?? NO_TESTS
    const isFrrKept = known !== undefined && sameInputs(known.frrInputs, frrInputs)
    const inputs =
      vrfs.length === 0 && !ovn && ovnEndings === NO_ENDINGS && tests === NO_TESTS
        ? PLAIN
        : [ovn, tests, ...ovnEndings, ...vrfs]
    if (isFrrKept && known.parts === parts && isSame(known.inputs, inputs)) return known
    const frr = isFrrKept ? known.plan.frr : frrInputs ? compileFrr(index, id) : ''
    return { parts, inputs, frrInputs, plan: nodePlan({ nodeId: id, parts, frr, vrfs, ovn, ovnEndings, tests }) }
  }
}

const NO_TESTS: readonly NodeTest[] = []
const NO_ENDINGS: readonly OvnEnding[] = []
/** Nothing but members: most nodes. */
const PLAIN: readonly unknown[] = []
const NO_VRFS: readonly VrfAssignment[] = []

type Asked = {
  readonly partOf: (member: Member) => MemberPart | undefined
  readonly known: readonly MemberPart[] | undefined
}

/** Those that were known, if they are the same. */
function partsOf({ nodes }: WorldIndex, id: Id, { partOf, known }: Asked): readonly MemberPart[] {
  const members = nodes.get(id) ?? []
  if (known && known.length === members.length) {
    let at = 0
    for (const member of members) {
      if (partOf(member) !== known[at]) break
      at += 1
    }
    if (at === members.length) return known
  }
  return kept(known, members.map(partOf).filter((part) => part !== undefined)) // prettier-ignore
}

const vrfsOf = (index: WorldIndex, members: readonly Member[]): readonly VrfAssignment[] =>
  members.map(({ nodeId, networkId }) => vrfOf(index, nodeId, networkId)).filter((vrf) => vrf !== undefined)

const sameInputs = (before: readonly unknown[] | undefined, now: readonly unknown[] | undefined): boolean =>
  before && now ? isSame(before, now) : before === now
