/**
 * What is run in a machine with a kernel that has WireGuard and VRFs of its own: agents bring two tenants onto the same two nodes,
 * and what then passes and what does not is said, line by line, to whoever started the machine (tenants.lab.test.ts).
 */
import { Lab, type LabNode } from '../lab.ts'
import { calls } from '../sockets.ts'
import { ControlPlane } from '../control-plane.ts'
import { eventually } from '../../eventually.ts'
import { answers, behind, listening } from './hosts.ts'
import { say } from './say.ts'
import { INSIDE, tableOf, Tenants } from './tenants.ts'

const PATIENCE_MS = 240_000
const CALL_MS = 15_000
const SILENCE_MS = 4_000

async function main(): Promise<void> {
  await using lab = await Lab.open()
  await using control = await ControlPlane.start()
  const world = await Tenants.laid(lab, control, ['static', 'static'])
  try {
    await tell(lab, world, control)
  } catch (error) {
    say('failed', `${error instanceof Error ? (error.stack ?? '') : String(error)}\n${world.log().slice(-6_000)}`)
  } finally {
    await world.stopAgents()
  }
}

async function tell(lab: Lab, world: Tenants, control: ControlPlane): Promise<void> {
  const { hub, spoke } = world.nodes
  // As an agent leaves it that is killed when it has made a table, and not marked it yet.
  await hub.must('ip', ['link', 'add', 'dev', world.room('hub', 0).vrf, 'type', 'vrf', 'table', String(tableOf(0))])
  await world.startAgents()
  say('begun', true)
  world.want()
  await world.keyed()
  say('keyed', true)
  world.want()
  await world.applied()
  say('devices', await Promise.all([hub, spoke].map(devicesOf)))

  const hosts = await Promise.all([0, 1].map((at) => behind(lab, world, at)))
  await Promise.all(
    hosts.flatMap((host, at) => [answers(host, host.name), answers(world.room('hub', at), `hub-${at}`)]),
  )
  await eventually(
    async () => (await Promise.all([hub, ...hosts].map(listening))).join(),
    (all) => all === '4,2,2',
    PATIENCE_MS,
  )
  await Promise.all(hosts.map((host, at) => tellOf(world, host, at)))
  say('nobody’s hub calls inside', await calls(hub, `${INSIDE}9`, 443, SILENCE_MS))
  for (const [name, id] of Object.entries(world.nodeIds)) say(`counters ${name}`, await countersOf(world, control, id))

  const before = await Promise.all([hub, spoke].map(pictureOf))
  await world.applyAnother()
  await world.applyThose()
  const after = await Promise.all([hub, spoke].map(pictureOf))
  say(
    'changed by applying another and those again',
    before.map((text, at) => difference(text, after[at] ?? '')),
  )

  await world.applyNothing()
  say('left', await Promise.all([hub, spoke].map(leftOn)))
}

/** What one tenant's hub and the host behind its spoke reach, by their own and by whatever they know of the other. */
async function tellOf(world: Tenants, host: LabNode, at: number): Promise<void> {
  const from = world.room('hub', at)
  const { spoke } = world.nodes
  await eventually(() => calls(from, `${INSIDE}9`, 443, CALL_MS), Boolean, PATIENCE_MS).catch(() => undefined)
  say(`hub ${at} calls inside`, await calls(from, `${INSIDE}9`, 443, CALL_MS))
  say(`hub ${at} calls inside on 444`, await calls(from, `${INSIDE}9`, 444, SILENCE_MS))
  say(`inside ${at} calls its hub`, await calls(host, world.address('hub', at), 443, CALL_MS))
  say(`inside ${at} calls its hub on 444`, await calls(host, world.address('hub', at), 444, SILENCE_MS))
  say(`inside ${at} calls the other hub`, await calls(host, world.address('hub', 1 - at), 443, SILENCE_MS))
  say(`hub ${at} calls the other hub`, await calls(from, world.address('hub', 1 - at), 443, SILENCE_MS))
  const { vrf } = world.room('spoke', at)
  for (const address of ['2001:db8::99', '192.0.2.99'])
    say(
      `way out of table ${at} to ${address}`,
      (await spoke.run('ip', ['route', 'get', address, 'vrf', vrf])).code === 0,
    )
}

/** Packets by rule, as the node’s agent reports them. */
async function countersOf(
  world: Tenants,
  control: ControlPlane,
  id: string,
): Promise<Readonly<Record<string, number>>> {
  const from = control.heard(id).reports.length
  const reports = await eventually(
    () => Promise.resolve(control.heard(id).reports.slice(from)),
    (all) => all.length > 1,
    PATIENCE_MS,
  )
  const found: Record<string, number> = {}
  for (const { ruleId, packets } of reports.at(-1)?.counters ?? []) {
    const name = world.nameOf(ruleId)
    if (name !== undefined) found[name] = (found[name] ?? 0) + Number(packets)
  }
  return found
}

/** What of ours is on a node. */
async function leftOn(node: LabNode): Promise<string> {
  const links = (await devicesOf(node)).map(({ ifname }) => ifname)
  const routes = await Promise.all(
    ['-4', '-6'].map((family) => node.must('ip', [family, 'route', 'show', 'table', 'all', 'proto', '94'])),
  )
  return [...links, ...routes, await node.must('nft', ['list', 'tables'])].join('\n').trim()
}

const difference = (one: string, other: string): readonly string[] => {
  const [before, after] = [new Set(one.split('\n')), new Set(other.split('\n'))]
  return [...[...before].filter((line) => !after.has(line)), ...[...after].filter((line) => !before.has(line))]
}

/** Names, kinds and masters of what an agent has made. */
async function devicesOf(node: LabNode) {
  const links = JSON.parse(await node.must('ip', ['-j', '-d', 'link', 'show'])) as readonly Link[]
  return links
    .filter(({ ifalias }) => ifalias === 'powernode')
    .map(({ ifname, linkinfo, master, mtu }) => ({ ifname, kind: linkinfo?.info_kind, master, mtu }))
}

type Link = {
  readonly ifname: string
  readonly ifalias?: string
  readonly master?: string
  readonly mtu: number
  readonly linkinfo?: { readonly info_kind?: string }
}

/** All that an agent may change of a node, without what changes by itself. */
async function pictureOf(node: LabNode): Promise<string> {
  const parts = [
    await node.must('ip', ['-o', 'link', 'show']),
    await node.must('ip', ['-o', 'addr', 'show']),
    await node.must('ip', ['-4', 'route', 'show', 'table', 'all']),
    await node.must('ip', ['-6', 'route', 'show', 'table', 'all']),
    await node.must('ip', ['-6', 'rule', 'show']),
    await node.must('wg', ['show', 'all', 'allowed-ips']),
    await node.must('nft', ['-s', 'list', 'ruleset']),
  ]
  return parts.join('---\n')
}

await main()
