/**
 * What is run in a machine with a kernel that has VRFs of its own: two tenants on the same two nodes, whose routes FRR spreads.
 * Every question is put to the kernel by a connection, and to the model by the plan that the agents have applied
 * (routes.lab.test.ts).
 */
import { explain } from '../../../services/sdwan-compiler/src/model/explain.ts'
import { Model } from '../../../services/sdwan-compiler/src/model/model.ts'
import { eventually } from '../../eventually.ts'
import { ControlPlane } from '../control-plane.ts'
import { startFrr, type Frr } from '../frr.ts'
import { Lab, type LabNode } from '../lab.ts'
import { callsFrom } from './calls-from.ts'
import { answers, behind, listening } from './hosts.ts'
import { say } from './say.ts'
import { accept, INSIDE, ownInside, Tenants } from './tenants.ts'

const PATIENCE_MS = 240_000
const CALL_MS = 15_000
const SILENCE_MS = 4_000
const PLACES = ['hub', 'spoke'] as const
type Place = (typeof PLACES)[number]

/** Who asks for what: a member of a tenant, from its own address. */
type Question = readonly [place: Place, at: number, address: string, port: number]

async function main(): Promise<void> {
  await using lab = await Lab.open()
  await using control = await ControlPlane.start()
  const world = await Tenants.laid(lab, control, ['ibgp', 'ibgp'])
  const frr = { hub: await startFrr(world.nodes.hub), spoke: await startFrr(world.nodes.spoke) }
  say('begun', true)
  try {
    await tell(lab, world, frr)
  } catch (error) {
    say('failed', `${error instanceof Error ? (error.stack ?? '') : String(error)}\n${world.log().slice(-6_000)}`)
    for (const place of PLACES) process.stdout.write(await pictureOf(world.nodes[place], frr[place]))
  } finally {
    await world.stopAgents()
  }
}

async function tell(lab: Lab, world: Tenants, frr: Readonly<Record<Place, Frr>>): Promise<void> {
  // The second lets a port pass that the first does not.
  const [, second] = world.tenants
  if (second) world.rules = [...world.rules, accept(second.network, 444)]
  const hosts = await begin(lab, world)
  await Promise.all(hosts.flatMap((host) => [answers(host, host.name)]))
  const rooms = PLACES.flatMap((place) => [0, 1].map((at) => world.room(place, at)))
  await Promise.all(rooms.map((room) => answers(room, room.name)))
  const { hub, spoke } = world.nodes
  const ready = () => Promise.all([hub, spoke, ...hosts].map(listening))
  await eventually(ready, (all) => all.join() === '4,4,2,2', PATIENCE_MS)
  say('listening', true)

  for (const at of [0, 1]) await untilReached(world, ['hub', at, `${INSIDE}9`, 443])
  say('tables', await tablesOf(world, frr))
  say('asked', await asked(world, questionsOf(world)))
}

/** Both nodes with all that their tenants want, and a host behind each tenant's spoke. */
async function begin(lab: Lab, world: Tenants): Promise<readonly LabNode[]> {
  await world.startAgents()
  world.want()
  await world.keyed()
  say('keyed', true)
  world.want()
  await world.applied()
  say('applied', true)
  const hosts: LabNode[] = []
  for (const at of [0, 1]) hosts.push(await behind(lab, world, at))
  return hosts
}

/** What each tenant has inside, and all that is the other's. */
function questionsOf(world: Tenants): readonly Question[] {
  const held = (at: number): string => (world.tenants[at]?.virtualIp.cidr ?? '').replace('/128', '')
  const inside = [0, 1].map((at): Question => ['hub', at, `${INSIDE}9`, 443])
  const across = (from: number): Question[] => {
    const to = 1 - from
    const there = [`${ownInside(to)}9`, held(to), world.address('hub', to), world.address('spoke', to)]
    return PLACES.flatMap((place) => there.flatMap((each) => [443, 444].map((port): Question => [place, from, each, port]))) // prettier-ignore
  }
  return [...inside, ...across(0), ...across(1)]
}

type Asked = {
  readonly question: string
  readonly answer: string | undefined
  readonly reachable: boolean
  readonly verdict: string
}

/** By a connection, and by the model. */
async function asked(world: Tenants, questions: readonly Question[]): Promise<readonly Asked[]> {
  const model = new Model(world.compiled)
  return Promise.all(
    questions.map(async (question): Promise<Asked> => {
      const [place, at, dst, port] = question
      const answer = await answerTo(world, question, SILENCE_MS)
      const said = explain(model, { src: `${place}-${at}`, dst, protocol: 'tcp', port })
      if ('unknown' in said) throw new Error(said.unknown)
      return { question: question.join(' '), answer, reachable: said.reachable, verdict: said.verdict }
    }),
  )
}

const answerTo = (world: Tenants, [place, at, address, port]: Question, timeoutMs: number) =>
  callsFrom(world.room(place, at), world.address(place, at), { address, port, timeoutMs })

async function untilReached(world: Tenants, question: Question): Promise<void> {
  await eventually(() => answerTo(world, question, CALL_MS), Boolean, PATIENCE_MS)
}

/** By place and tenant: the prefixes that BGP has there, and those that it has put into the kernel's table. */
async function tablesOf(world: Tenants, frr: Readonly<Record<Place, Frr>>) {
  const tables: Record<string, { bgp: readonly string[]; kernel: readonly string[] }> = {}
  for (const place of PLACES) {
    for (const at of [0, 1]) {
      const { vrf } = world.room(place, at)
      const bgp = (await frr[place].json(`show bgp vrf ${vrf} ipv6 unicast json`)) as { readonly routes?: object }
      const found = await world.nodes[place].must('ip', ['-j', '-6', 'route', 'show', 'vrf', vrf, 'proto', 'bgp'])
      const kernel = JSON.parse(found || '[]') as readonly { readonly dst: string }[]
      tables[`${place} ${at}`] = { bgp: Object.keys(bgp.routes ?? {}).toSorted(), kernel: kernel.map(({ dst }) => (dst.includes('/') ? dst : `${dst}/128`)).toSorted() } // prettier-ignore
    }
  }
  return tables
}

/** For whoever has to find out why something is not as it should be. */
async function pictureOf(node: LabNode, frr: Frr): Promise<string> {
  const parts = [
    await node.must('ip', ['-o', 'addr', 'show']),
    await node.must('ip', ['-6', 'route', 'show', 'table', 'all']),
    await node.must('wg', ['show', 'all', 'allowed-ips']),
    await node.must('nft', ['-s', 'list', 'ruleset']),
    await frr.vtysh(
      'show bgp vrf all ipv6 unicast',
      'show bgp vrf all ipv6 unicast summary',
      'show ipv6 route vrf all',
    ),
  ]
  return parts.join(`--- ${node.name}\n`)
}

await main()
