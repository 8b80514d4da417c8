import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { startAgent } from './agent.ts'
import { ControlPlane } from './control-plane.ts'
import { Lab, type LabNode } from './lab.ts'
import { firewall, newName, newNode, state, tunnel } from './node-states.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls } from './sockets.ts'

const RULE = '0190a0b0-0000-7000-8000-000000000001'
const WEB = `tcp dport 443 counter accept comment "${RULE}"`
const ECHO = 'icmpv6 type echo-request counter accept comment "echo"'

/** Two nodes with agents, a tunnel between them, and what passes through it. */
async function twoNodes(lab: Lab, control: ControlPlane) {
  const nodes = await Promise.all([lab.node('a'), lab.node('b')])
  const ends = nodes.map((node, index) => ({
    node,
    id: newNode(),
    name: newName(),
    address: `fd00:77::${index + 1}`,
  }))
  const [a, b] = ends
  if (!a || !b) throw new Error('two nodes')
  const keyOf = (end: typeof a): string => control.heard(end.id).keys.get(end.name) ?? ''
  /** What one end has to look like, knowing as much of the other as the control plane does. */
  const stateOf = (end: typeof a, rules: readonly string[]) => {
    const far = end === a ? b : a
    const peers =
      keyOf(far) === '' ? [] : [{ key: keyOf(far), allowed: [`${far.address}/128`], endpoint: `${far.node.v4}:51820` }]
    return state({
      interfaces: [
        tunnel({
          name: end.name,
          address: end.address,
          peers,
          routes: ['fd00:77::/64'],
          more: { publicKey: keyOf(end) },
        }),
      ],
      nftables: firewall([end.name], rules),
    })
  }
  const want = (rules: readonly string[]): void => {
    for (const end of [a, b]) control.want(end.id, stateOf(end, rules))
  }
  const keyed = () =>
    eventually(
      () => Promise.resolve([keyOf(a), keyOf(b)]),
      (keys) => keys.every(Boolean),
    )
  const applied = (end: typeof a) =>
    eventually(() => Promise.resolve(control.heard(end.id).reports.at(-1)), (report) => report?.appliedVersion === control.wanted(end.id)) // prettier-ignore
  return { a, b, keyOf, stateOf, want, keyed, applied }
}

const routesOf = (node: LabNode): Promise<string> => node.must('ip', ['-6', 'route', 'show', 'proto', '94'])

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping']))('the network of a node', () => {
  test('keys are made on the node, a tunnel comes up, and only what a rule lets in gets through; the rule counts it', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { a, b, want, keyed, keyOf, applied } = await twoNodes(lab, control)
    const agents = await Promise.all([a, b].map((end) => startAgent({ ...end, control })))
    want([ECHO, WEB])
    await keyed()
    want([ECHO, WEB])
    await Promise.all([applied(a), applied(b)])
    await a.node.untilPings(b.address)
    await answerOn(b.node, [443, 444])
    expect(await calls(a.node, b.address, 443)).toBe('b')
    expect(await calls(a.node, b.address, 444)).toBeUndefined()

    const report = await eventually(
      () => Promise.resolve(control.heard(b.id).reports.at(-1)),
      (report) => report?.counters.some(({ ruleId, packets }) => ruleId === RULE && packets >= 1n) === true,
    )
    expect(report?.counters.find(({ ruleId }) => ruleId === 'default')?.packets).toBeGreaterThan(0n)
    expect(report?.backEnds.map(({ name, status }) => `${name} ${status}`).toSorted()).toEqual([
      'frr applied',
      'nftables applied',
      'ovn applied',
      'routes applied',
      'wireguard applied',
    ])
    expect(report?.handshakes).toMatchObject([{ interface: b.name, publicKey: keyOf(a) }])
    expect(report?.handshakes[0]?.at).toBeDefined()
    const keys = join(a.node.dir, 'network/keys')
    for (const file of readdirSync(keys)) expect(statSync(join(keys, file)).mode & 0o777).toBe(0o600)
    expect(statSync(join(a.node.dir, 'network/state.json')).mode & 0o777).toBe(0o600)
    const [privateKey = ''] = readdirSync(keys).map((file) => readFileSync(join(keys, file), 'utf8').trim())
    expect(agents[0]?.log()).not.toContain(privateKey)
    for (const agent of agents) await agent.stop()
    // The network outlives its agent.
    expect(await a.node.pings(b.address)).toBe(true)
  })

  test('a version that the control plane does not confirm is put back, said, and not tried again at once', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { a, b, want, keyed, applied, stateOf } = await twoNodes(lab, control)
    const agents = await Promise.all(
      [a, b].map((end) => startAgent({ ...end, control, env: { CONFIRM_WITHIN: '1s' } })),
    )
    want([ECHO])
    await keyed()
    want([ECHO])
    await Promise.all([applied(a), applied(b)])
    await a.node.untilPings(b.address)
    const before = { routes: await routesOf(a.node), table: await a.node.must('nft', ['list', 'table', 'inet', 'powernode_sdwan']) } // prettier-ignore
    const bad = stateOf(a, [])
    control.onConfirm = () => Promise.reject(new Error('not now'))
    control.want(a.id, { ...bad, interfaces: [] })
    const report = await eventually(
      () => Promise.resolve(control.heard(a.id).reports.at(-1)),
      (report) => report?.rolledBackVersion === bad.version,
    )
    expect(report?.rolledBackReason).toContain('did not confirm')
    expect(await routesOf(a.node)).toBe(before.routes)
    expect(withoutCounters(await a.node.must('nft', ['list', 'table', 'inet', 'powernode_sdwan']))).toBe(withoutCounters(before.table)) // prettier-ignore
    await a.node.untilPings(b.address)
    expect(existsSync(join(a.node.dir, 'network/journal.json'))).toBe(false)
    for (const agent of agents) await agent.stop()
  })
})

const withoutCounters = (table: string): string => table.replaceAll(/packets \d+ bytes \d+/g, '')
