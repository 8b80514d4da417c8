import { nodeTests } from '../model/node-tests.ts'
import type { NodeTest, OvnEnding, OvnPlan, Plan, Problem } from '../plan.ts'
import type { Id, Member, World } from '../world.ts'
import { Memo } from './memo.ts'
import { NetworkCompiler, type MemberPart } from './network.ts'
import { Nodes } from './nodes.ts'
import { compileEnding, compileOvn, isEnding } from './ovn/compile-ovn.ts'
import { overlapProblems } from './problems/overlap.ts'
import { PlatformProblems } from './problems/platform-problems.ts'
import { routingProblems } from './problems/routing-problems.ts'
import { wellFormed } from './well-formed.ts'
import { compared } from './compared.ts'
import { indexOf, type WorldIndex } from './world-index.ts'

export type Updated = {
  readonly plan: Plan
  /** Nodes whose plan is another one than before, those that are new or gone among them; by id. */
  readonly touched: readonly Id[]
  /** The world as it was compiled: what is malformed is not in it. */
  readonly index: WorldIndex
}

/**
 * Compiles one world after another, and makes anew only what a change touches. The outcome is that of compiling the world
 * alone: nothing depends on what came before. Records that did not change MUST be the very same objects as the last time to
 * be known as such; others are taken for changed, which costs time and nothing else.
 */
export class Compiler {
  #networks = new Map<Id, NetworkCompiler>()
  readonly #ovn = new Memo<ReturnType<typeof compileOvn>>()
  readonly #endings = new Memo<ReturnType<typeof compileEnding>>()
  readonly #tests = new Memo<ReadonlyMap<Id, readonly NodeTest[]>>()
  readonly #nodes = new Nodes()
  readonly #platformProblems = new PlatformProblems()
  /** The world before, if nothing in it was malformed. */
  #sound: World | undefined
  #index: WorldIndex | undefined

  update(given: World): Updated {
    const { world, problems: malformed } = wellFormed(given, this.#sound)
    const index = indexOf(world, this.#index)
    const { problems, changedNodes } = this.#compileNetworks(index)
    const ovn = this.#compileOvn(world)
    const tests = this.#tests.of('', [...world.tests, index.everybody, ...world.networks], () => nodeTests(world))
    this.#tests.forgetOthers()
    const partOf = ({ id, networkId }: Member): MemberPart | undefined => this.#networks.get(networkId)?.partOf(id)
    const { nodes, touched } = this.#nodes.compile(index, {
      partOf,
      changedNodes,
      beside: { ovn: ovn.placed, ovnEndings: ovn.endings, tests },
    })
    const all = [
      ...malformed,
      ...problems,
      ...this.#platformProblems.of(index),
      ...overlapProblems(index),
      ...routingProblems(index),
      ...ovn.problems,
    ]
    this.#index = index
    this.#sound = malformed.length === 0 ? given : undefined
    return { plan: { nodes, problems: sorted(all) }, touched, index }
  }

  #compileNetworks(index: WorldIndex): { problems: readonly Problem[]; changedNodes: ReadonlySet<Id> } {
    const compilers = new Map<Id, NetworkCompiler>()
    const problems: Problem[] = []
    const changedNodes = new Set(index.changedNodes)
    for (const [id, its] of index.networks) {
      const compiler = this.#networks.get(id) ?? new NetworkCompiler()
      compilers.set(id, compiler)
      compiler.compile(index, its)
      problems.push(...compiler.problems(index, its))
      for (const node of compiler.changedNodes) changedNodes.add(node)
    }
    for (const [id, gone] of this.#networks) {
      if (!compilers.has(id)) for (const node of gone.nodes()) changedNodes.add(node)
    }
    this.#networks = compilers
    return { problems, changedNodes }
  }

  #compileOvn({ ovn }: World): {
    placed: ReadonlyMap<Id, OvnPlan>
    endings: ReadonlyMap<Id, readonly OvnEnding[]>
    problems: readonly Problem[]
  } {
    const placed = new Map<Id, OvnPlan>()
    const endings = new Map<Id, readonly OvnEnding[]>()
    const problems: Problem[] = []
    for (const deployment of ovn) {
      if (isEnding(deployment)) {
        const { id: deploymentId, nodeId: at, nbEndpoint } = deployment
        const ended = this.#endings.of(`${deploymentId} ${at} ${nbEndpoint}`, [deployment], () => compileEnding(deployment)) // prettier-ignore
        problems.push(ended.problem)
        endings.set(at, [...(endings.get(at) ?? []), ended.plan])
        continue
      }
      const compiled = this.#ovn.of(deployment.id, [deployment], () => compileOvn(deployment))
      problems.push(...compiled.problems)
      const { id, nodeId } = deployment
      const other = placed.get(nodeId ?? '')
      if (other) problems.push(nodeTaken(id, other.deploymentId))
      else if (nodeId !== undefined && compiled.plan) placed.set(nodeId, compiled.plan)
    }
    this.#ovn.forgetOthers()
    this.#endings.forgetOthers()
    return { placed, endings, problems }
  }
}

/** A second one in the place of the first would leave that as it is, without anybody who looks after it. */
const nodeTaken = (id: Id, other: Id): Problem => ({
  fatal: true,
  code: 'OVN_NODE_TAKEN',
  record: `ovn_deployment/${id}`,
  message: `its node writes the northbound database of ovn_deployment ${other} already`,
})

const sorted = (problems: readonly Problem[]): readonly Problem[] =>
  problems.toSorted((a, b) => compared(a.record, b.record) || compared(a.code, b.code) || compared(a.message, b.message)) // prettier-ignore
