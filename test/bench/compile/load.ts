import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { heldIn } from '../../../services/sdwan-compiler/src/compile/held.ts'
import { indexOf } from '../../../services/sdwan-compiler/src/compile/world-index.ts'
import { FactsFinder } from '../../../services/sdwan-compiler/src/compile/network-facts.ts'
import { Firewalls } from '../../../services/sdwan-compiler/src/compile/nftables/firewall.ts'
import { scriptOf } from '../../../services/sdwan-compiler/src/compile/nftables/script.ts'
import { Interfaces } from '../../../services/sdwan-compiler/src/compile/wireguard/interfaces.ts'
import type { Member, World } from '../../../services/sdwan-compiler/src/world.ts'
import { Lab, must, type LabNode } from '../../lab/lab.ts'
import { whyNoLab } from '../../lab/requirements.ts'
import { startWireGuard } from '../../lab/wireguard.ts'
import { median, rounded, say } from '../report.ts'

const RUNS = 5
/** Of what times(1p) and /proc count in. */
const TICK_MS = 10

type Compiled = {
  readonly nftables: string
  readonly config: string
  /** What is found once for all nodes of the network, divided among them, and what is this node's own. */
  readonly cpuMs: number
}

/** The artifacts of one member's node, from nothing. */
function compileNode(world: World, memberId: string): Compiled {
  const before = process.cpuUsage()
  const index = indexOf(world)
  const member = index.members.get(memberId)
  const its = member && index.networks.get(member.networkId)
  if (!member || !its) throw new Error('the world has no such member')
  const facts = new FactsFinder().find(index, its)
  const held = heldIn(index, its, new Map())
  const makers = { interfaces: new Interfaces().prepare(facts), firewall: new Firewalls().prepare(facts, held) }
  const shared = process.cpuUsage(before)
  const between = process.cpuUsage()
  const interfaces = makers.interfaces(member, undefined)
  const firewall = makers.firewall(member, { known: undefined, interfaces: interfaces.map(({ name }) => name) })
  const made = { nftables: scriptOf([firewall], []), config: interfaces[0]?.config ?? '' }
  // Texts are put together when they are read.
  if (Buffer.byteLength(made.nftables) + Buffer.byteLength(made.config) === 0) throw new Error('nothing was compiled')
  const mine = process.cpuUsage(between)
  const cpuMs = (shared.user + shared.system) / 1_000 / index.nodes.size + (mine.user + mine.system) / 1_000
  return { ...made, cpuMs }
}

/**
 * How long a node's artifacts take to be compiled, and the kernel's own tools to load them: nft with its kernel, wg with
 * wireguard-go. Both in CPU time of one run.
 */
export async function measureLoad(world: World): Promise<Record<string, unknown>> {
  const why = whyNoLab(['nft', 'wg', 'wireguard-go'])
  if (why !== undefined) {
    say(`load_ratio is not measured: ${why}`)
    return { load_ratio: null, why }
  }
  await using lab = await Lab.open()
  const places = { hub: world.members[0], spoke: world.members.at(-1) }
  const hub = await measurePlace(lab, world, places.hub)
  const spoke = await measurePlace(lab, world, places.spoke)
  return { load_ratio: Math.max(hub.ratio, spoke.ratio), hub, spoke }
}

async function measurePlace(lab: Lab, world: World, member: Member | undefined) {
  if (!member) throw new Error('the world has no members')
  const node = await lab.node(`n${lab.prefix.slice(2)}${member.id.slice(-3)}`)
  const name = `t${lab.prefix.slice(2)}${member.id.slice(-3)}`.slice(0, 15)
  const daemon = await startWireGuard(node, name)
  const compiled = Array.from({ length: RUNS }, () => compileNode(world, member.id))
  const [artifacts] = compiled
  if (!artifacts) throw new Error('nothing was compiled')
  const files = { nft: join(node.dir, 'nft'), config: join(node.dir, 'wg.conf'), empty: join(node.dir, 'empty.conf') }
  writeFileSync(files.nft, artifacts.nftables)
  writeFileSync(files.config, artifacts.config, { mode: 0o600 })
  writeFileSync(files.empty, '[Interface]\n', { mode: 0o600 })
  const nft: number[] = []
  const wg: number[] = []
  for (let run = 0; run < RUNS; run++) {
    await must('ip', ['netns', 'exec', node.netns, 'nft', 'flush', 'ruleset'])
    nft.push(await cpuOf(node, `nft -f ${files.nft}`))
    await must('wg', ['syncconf', name, files.empty])
    const before = ticksOf(daemon.pid)
    const own = await cpuOf(node, `wg syncconf ${name} ${files.config}`)
    wg.push(own + (ticksOf(daemon.pid) - before) * TICK_MS)
  }
  const figures = { compile_ms: median(compiled.map(({ cpuMs }) => cpuMs)), nft_ms: median(nft), wg_ms: median(wg) }
  const ratio = rounded(figures.compile_ms / Math.max(figures.nft_ms + figures.wg_ms, 1), 4)
  say(`${member.publiclyReachable ? 'hub' : 'spoke'}: ${JSON.stringify(figures)}`)
  return {
    compile_ms: rounded(figures.compile_ms),
    nft_load_ms: rounded(figures.nft_ms),
    wg_load_ms: rounded(figures.wg_ms),
    nft_bytes: artifacts.nftables.length,
    wg_bytes: artifacts.config.length,
    ratio,
  }
}

/** User and system time of a command and the kernel's work for it, in ms. */
async function cpuOf(node: LabNode, command: string): Promise<number> {
  const { code, err } = await node.run('bash', ['-c', `TIMEFORMAT='%3U %3S'; time ${command}`], { timeoutMs: 120_000 })
  if (code !== 0) throw new Error(`${command}: ${err}`)
  const [user = 0, system = 0] = (/([\d.]+) ([\d.]+)\s*$/.exec(err)?.slice(1) ?? []).map(Number)
  return (user + system) * 1_000
}

function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
