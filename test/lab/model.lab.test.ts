import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { explain } from '../../services/sdwan-compiler/src/model/explain.ts'
import { Model } from '../../services/sdwan-compiler/src/model/model.ts'
import { type Shape, platforms } from '../../services/sdwan-compiler/src/model/testing/shapes.ts'
import { worldFrom } from '../../services/sdwan-compiler/src/model/testing/worlds.ts'
import type { NodePlan } from '../../services/sdwan-compiler/src/plan.ts'
import type { World } from '../../services/sdwan-compiler/src/world.ts'
import { eventually } from '../eventually.ts'
import { startFrr, type Frr } from './frr.ts'
import { Lab, type LabNode } from './lab.ts'
import { labSkip } from './requirements.ts'
import { answerOn } from './sockets.ts'
import { startWireGuard } from './wireguard.ts'

const PROBER = fileURLToPath(new URL('prober.mjs', import.meta.url))

const HUBS = 2
const SPOKES = 3
const INTENTS = 8
/** So many more have BGP among their nodes, and only that tells them of the host behind the last. */
const ROUTED = 2
const LAN = 'fdcc:0:1:5::'
const HOST = `${LAN}9`
const SERVICES = [
  { protocol: 'tcp', port: 443 },
  { protocol: 'tcp', port: 22 },
  { protocol: 'udp', port: 80 },
  { protocol: 'icmp6', port: 0 },
] as const

/** A machine with the tunnels of one member. */
type Machine = { readonly node: LabNode; readonly privateKey: string; readonly publicKey: string }
type Case = {
  readonly src: string
  readonly dst: string
  readonly protocol: 'tcp' | 'udp' | 'icmp6'
  readonly port: number
}

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping', 'bgpd', 'frr-reload.py']))(
  'the model and the network',
  () => {
    test('agree on more than 500 packets that are really sent', async () => {
      await using lab = await Lab.open()
      const machines = await Promise.all(Array.from({ length: HUBS + SPOKES }, (_, at) => machineOf(lab, at)))
      const wrong: string[] = []
      const count = { all: 0, reached: 0, routed: 0 }
      const speaking = new Map<Machine, Frr>()
      await hostBehind(lab, machines.at(-1))
      for (const [at, shape] of shapes().entries()) {
        const world = placed(worldFrom(shape), machines)
        const plan = compile(world)
        await Promise.all(machines.map((machine, index) => take(machine, planOf(plan.nodes, world, index))))
        await warm(machines, world, plan.nodes)
        const isRouted = at >= INTENTS
        if (isRouted) await converge(machines, speaking, (index) => planOf(plan.nodes, world, index).frr)
        const model = new Model({ plan, world }, { vrfs: 'namespaces' })
        const found = await Promise.all(
          machines.map((machine, index) => probe(machine, casesOf(world, index, isRouted))),
        )
        for (const { asked, reached } of found.flat()) {
          const answer = explain(model, asked)
          if ('unknown' in answer) throw new Error(answer.unknown)
          count.all += 1
          count.routed += isRouted ? 1 : 0
          count.reached += reached ? 1 : 0
          if (answer.reachable === reached) continue
          wrong.push(
            `intent ${at}, ${asked.protocol}/${asked.port}: ${reached ? 'reached' : 'not reached'}, but ${answer.verdict}`,
          )
        }
      }
      expect(wrong).toEqual([])
      expect(count.all).toBeGreaterThanOrEqual(500)
      expect(count.routed).toBeGreaterThanOrEqual(150)
      // Neither all nor nothing: else agreeing would be no art.
      expect(count.reached).toBeGreaterThan(count.all / 10)
      expect(count.reached).toBeLessThan((count.all * 9) / 10)
    }, 900_000)
  },
)

/** Intents with the same members and other rules, tags, defaults and topologies. */
function shapes(): Parameters<typeof worldFrom>[0][] {
  return fc.sample(platforms, { numRuns: INTENTS + ROUTED, seed: 11 }).map((shape, at) => {
    const [network] = shape.networks
    if (!network) throw new Error('a platform without a network')
    const plain: Shape = {
      ...network,
      topology: at % 4 === 3 || at === INTENTS + 1 ? 'full_mesh' : 'hub_and_spoke',
      routing: at < INTENTS ? 'static' : 'ibgp',
      isolation: 'shared',
      psk: false,
      hubs: HUBS,
      spokes: SPOKES,
      members: network.members.map(({ tags }, index) => ({
        tags,
        lan: at >= INTENTS && index === HUBS + SPOKES - 1,
        keyed: true,
      })),
      virtualIp: 'none',
      mapping: false,
    }
    return { networks: [plain], bgp: at >= INTENTS, crossing: false, leak: 'none', sharedNode: false, ovn: false }
  })
}

async function machineOf(lab: Lab, at: number): Promise<Machine> {
  const node = await lab.node(`m${at}`)
  await answerOn(node, [443, 22, 80])
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const raw = (part: 'd' | 'x', key: typeof publicKey): string =>
    Buffer.from(key.export({ format: 'jwk' })[part] ?? '', 'base64url').toString('base64')
  return { node, privateKey: raw('d', privateKey), publicKey: raw('x', publicKey) }
}

/** The world on these machines: their keys, and where the hubs really are. */
function placed(world: World, machines: readonly Machine[]): World {
  return {
    ...world,
    members: world.members.map((member, at) => {
      const { publicKey, node } = machines[at] ?? {}
      return {
        ...member,
        publicKey,
        endpointV6: undefined,
        endpointV4: member.publiclyReachable ? node?.v4 : undefined,
      }
    }),
  }
}

function planOf(nodes: ReadonlyMap<string, NodePlan>, { members }: World, at: number): NodePlan {
  const plan = nodes.get(members[at]?.nodeId ?? '')
  if (!plan) throw new Error(`there is no plan for member ${at}`)
  return plan
}

/** Applies a plan by hand, as the agent would. The first time the interface is made; its name stays. */
async function take({ node, privateKey }: Machine, plan: NodePlan): Promise<void> {
  const [its] = plan.interfaces
  if (!its) throw new Error('a node without an interface')
  const there = await node.run('ip', ['link', 'show', its.name])
  if (there.code !== 0) await startWireGuard(node, its.name)
  const file = join(node.dir, 'wg.conf')
  writeFileSync(file, its.config.replace('[Interface]\n', `[Interface]\nPrivateKey = ${privateKey}\n`), { mode: 0o600 })
  await node.must('wg', ['syncconf', its.name, file])
  await node.batch(
    // An address that the kernel makes up would be what signs of life come from, and no peer allows it.
    `link set ${its.name} addrgenmode none`,
    ...(there.code === 0 ? [] : its.addresses.map((address) => `addr add ${address} dev ${its.name} nodad`)),
    `link set ${its.name} up mtu ${its.mtu}`,
    ...its.routes.map(({ prefix }) => `route replace ${prefix} dev ${its.name}`),
  )
  await node.must('nft', ['-f', '-'], { input: plan.nftables })
}

/** Until a tunnel has carried something both ways nobody can be called who cannot be found. Signs of life pass every firewall. */
async function warm(machines: readonly Machine[], world: World, nodes: ReadonlyMap<string, NodePlan>): Promise<void> {
  const hubs = world.members.flatMap(({ publiclyReachable }, at) => (publiclyReachable ? [at] : []))
  const links = machines.flatMap((machine, at) => hubs.filter((hub) => hub !== at).map((hub) => ({ machine, at, hub })))
  await Promise.all(
    links.map(({ machine, at, hub }) => {
      const own = planOf(nodes, world, at).interfaces[0]?.name ?? ''
      const address = planOf(nodes, world, hub).interfaces[0]?.addresses.find((each) => each.startsWith('fe80'))
      return machine.node.untilPings(`${address?.split('/')[0]}%${own}`)
    }),
  )
}

/** Behind the last machine, where its member says that its LAN is. */
async function hostBehind(lab: Lab, last: Machine | undefined): Promise<void> {
  if (!last) throw new Error('no machine')
  await answerOn(await lab.behind(last.node, 'host', { own: `${HOST}/64`, gateway: `${LAN}1/64` }), [443, 22, 80])
}

/** Has the machines speak as they are told, and waits until all others know the way to the host. */
async function converge(
  machines: readonly Machine[],
  speaking: Map<Machine, Frr>,
  frrOf: (index: number) => string,
): Promise<void> {
  // prettier-ignore
  await Promise.all(
    machines.map(async (machine, index) => {
      const frr = speaking.get(machine)
      if (frr) await frr.reload(frrOf(index))
      else speaking.set(machine, await startFrr(machine.node, frrOf(index)))
    }),
  )
  await Promise.all(
    machines.slice(0, -1).map(({ node }) =>
      eventually(
        () => node.must('ip', ['-6', 'route', 'show', 'proto', 'bgp']),
        (routes) => routes.includes(`${LAN}/64`),
        120_000,
      ),
    ),
  )
}

function casesOf({ members }: World, at: number, isRouted: boolean): readonly Case[] {
  const src = members[at]
  if (!src) return []
  const others = members.filter((member) => member !== src).map(({ address }) => address)
  const behind = isRouted && at < members.length - 1 ? [HOST] : []
  return [...others, ...behind].flatMap((dst) => SERVICES.map((service) => ({ src: src.address, dst, ...service })))
}

async function probe({ node }: Machine, cases: readonly Case[]): Promise<{ asked: Case; reached: boolean }[]> {
  const asked = cases.map(({ dst, protocol, port }) => ({ address: dst, protocol, port }))
  const said: unknown = JSON.parse(
    await node.must(process.execPath, [PROBER, JSON.stringify(asked)], { timeoutMs: 60_000 }),
  )
  if (!Array.isArray(said) || said.length !== cases.length) throw new Error('the prober did not answer for all')
  return cases.map((each, index) => ({ asked: each, reached: said[index] === true }))
}
