import { Compiler } from '../../services/sdwan-compiler/src/compile/incremental.ts'
import { bigMember, bigWorld } from '../../services/sdwan-compiler/src/compile/testing/big-world.ts'
import type { NodePlan, Plan } from '../../services/sdwan-compiler/src/plan.ts'
import type { World } from '../../services/sdwan-compiler/src/world.ts'
import { measureLoad } from './compile/load.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const LIMIT = { full_5000_ms: 1_000, mesh_1000_ms: 5_000, one_change_ms: 20, load_ratio: 0.1 }
const HUBS = 4
const RUNS = 5
const CHANGES = 40
const GROWTH = [100, 1_000, 5_000, 10_000]

/**
 * What compiling costs: whole networks, and one member more; beside what the kernel takes to load what was compiled. CPU time, so
 * that others on the machine do not count; what it took on the clock is beside it.
 */
export async function run(): Promise<Report> {
  const growth: Record<string, unknown>[] = []
  let whole: readonly Measured[] = []
  let changed: Changed = { cpuMs: [], ms: [], touched: 0 }
  for (const members of GROWTH) {
    const world = bigWorld({ members, hubs: HUBS, topology: 'hub_and_spoke' })
    const full = Array.from({ length: RUNS }, () => measure(() => readAll(new Compiler().update(world).plan)))
    const one = changes(world)
    growth.push({
      members,
      full_ms: rounded(median(full.map(({ cpuMs }) => cpuMs))),
      one_change_ms: rounded(median(one.cpuMs)),
      hub_bytes: bytesOf(hubOf(full.at(-1)?.plan)),
      spoke_bytes: bytesOf([...(full.at(-1)?.plan.nodes.values() ?? [])].at(-1)),
    })
    say(JSON.stringify(growth.at(-1)))
    if (members === 5_000) [whole, changed] = [full, one]
  }
  const mesh = bigWorld({ members: 1_000, hubs: 1_000, topology: 'full_mesh' })
  const meshed = Array.from({ length: RUNS }, () => measure(() => readAll(new Compiler().update(mesh).plan)))
  const peers = [...(meshed[0]?.plan.nodes.values() ?? [])].reduce((sum, node) => sum + peersOf(node), 0)
  say(`full_mesh of 1,000: ${peers} peers, ${rounded(median(meshed.map(({ cpuMs }) => cpuMs)))} ms`)
  const load = await measureLoad(bigWorld({ members: 5_000, hubs: HUBS, topology: 'hub_and_spoke' }))
  const figures = {
    full_5000_ms: rounded(median(whole.map(({ cpuMs }) => cpuMs))),
    mesh_1000_ms: rounded(median(meshed.map(({ cpuMs }) => cpuMs))),
    one_change_ms: rounded(median(changed.cpuMs)),
    load_ratio: load['load_ratio'],
  }
  return {
    bench: 'compile',
    unit: 'ms CPU, a whole network of 5,000 members',
    ours: figures.full_5000_ms,
    limit: LIMIT.full_5000_ms,
    ratio: rounded(figures.full_5000_ms / LIMIT.full_5000_ms, 3),
    p50_ms: rounded(median(whole.map(({ ms }) => ms))),
    p99_ms: rounded(quantile(whole.map(({ ms }) => ms), 0.99)), // prettier-ignore
    runs: whole.map(({ cpuMs }) => rounded(cpuMs)),
    ...figures,
    limits: LIMIT,
    mesh_peers: peers,
    mesh_on_the_clock_ms: rounded(median(meshed.map(({ ms }) => ms))),
    one_change_on_the_clock_ms: rounded(median(changed.ms)),
    one_change_p95_ms: rounded(quantile(changed.cpuMs, 0.95)),
    one_change_touches_nodes: changed.touched,
    growth,
    load,
  }
}

type Measured = { readonly plan: Plan; readonly cpuMs: number; readonly ms: number }
type Changed = { readonly cpuMs: readonly number[]; readonly ms: readonly number[]; readonly touched: number }

function measure<T>(work: () => T): { readonly plan: T; readonly cpuMs: number; readonly ms: number } {
  const [startedAt, before] = [performance.now(), process.cpuUsage()]
  const plan = work()
  const { user, system } = process.cpuUsage(before)
  return { plan, cpuMs: (user + system) / 1_000, ms: performance.now() - startedAt }
}

/** One member more, again and again; nobody but its hubs may be touched. */
function changes(world: World): Changed {
  const compiler = new Compiler()
  compiler.update(world)
  let now = world
  const measured = Array.from({ length: CHANGES }, (_, at) => {
    now = { ...now, members: [...now.members, bigMember(world.members.length + at + 1, false)] }
    const { plan: updated, ...took } = measure(() => {
      const after = compiler.update(now)
      for (const id of after.touched) bytesOf(after.plan.nodes.get(id))
      return after
    })
    if (updated.touched.length !== HUBS + 1)
      throw new Error(`${updated.touched.length} nodes were touched, not ${HUBS + 1}`)
    return { ...took, touched: updated.touched.length }
  })
  return {
    cpuMs: measured.map(({ cpuMs }) => cpuMs),
    ms: measured.map(({ ms }) => ms),
    touched: HUBS + 1,
  }
}

const hubOf = (plan: Plan | undefined): NodePlan | undefined => plan?.nodes.values().next().value

/** Texts are put together when they are read, which is part of what compiling costs. */
function readAll(plan: Plan): Plan {
  for (const node of plan.nodes.values()) if (bytesOf(node) === 0) throw new Error('nothing was compiled')
  return plan
}

/** Read to the last byte. */
const bytesOf = (node: NodePlan | undefined): number =>
  Buffer.byteLength(node?.nftables ?? '') + Buffer.byteLength(node?.interfaces[0]?.config ?? '')

const peersOf = ({ interfaces }: NodePlan): number => (interfaces[0]?.config.split('\n[Peer]\n').length ?? 1) - 1
