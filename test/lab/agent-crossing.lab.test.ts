import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FirewallRule } from '../../services/sdwan-compiler/src/world.ts'
import { eventually } from '../eventually.ts'
import { ControlPlane } from './control-plane.ts'
import { Lab } from './lab.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls } from './sockets.ts'
import { crossed, picture, Side } from './two-sides.ts'

const STREAM = fileURLToPath(new URL('stream.mjs', import.meta.url))
const NETWORK = { routingProtocol: 'ibgp', advertiseSubnet: true } as const
/** Nothing here is asked to be quick but what says so: a machine that carries it beside much else takes its time. */
const PATIENCE_MS = 240_000

describe.skipIf(labSkip())('two networks, of which one has two hubs and one way to the other', () => {
  let lab: Lab
  let control: ControlPlane
  let a: Side
  let b: Side

  beforeAll(async () => {
    lab = await Lab.open()
    control = await ControlPlane.start()
    ;[a, b] = await Promise.all([
      Side.laid(lab, control, { names: ['a-hub1', 'a-hub2', 'a-one', 'a-two'], asNumber: 4_200_000_010, network: NETWORK }), // prettier-ignore
      Side.laid(lab, control, { names: ['b-hub', 'b-web'], asNumber: 4_200_000_011, network: NETWORK }),
    ])
    for (const side of [a, b]) side.want()
    await Promise.all([a.keyed(), b.keyed()])
    const { inA, inB } = await crossed(a, b, { a: 'a-hub1', b: 'b-hub' })
    const rule = { id: randomUUID(), priority: 10, action: 'accept', direction: 'both', protocol: 'tcp' } as const
    const [toB, fromA] = [
      { kind: 'federation_peer', peerId: inA },
      { kind: 'federation_peer', peerId: inB },
    ] as const
    a.rules = [{ ...rule, name: 'out', networkId: a.network.id, src: { kind: 'all' }, dst: toB, dstPorts: undefined }]
    b.rules = [443, 445, 446].map((port): FirewallRule => ({ ...rule, id: randomUUID(), name: `web-${port}`, networkId: b.network.id, src: fromA, dst: { kind: 'tag', tag: 'web' }, dstPorts: { from: port, to: port } })) // prettier-ignore
    for (const side of [a, b]) side.want()
    await Promise.all([a.applied(), b.applied()])
    await answerOn(b.end('b-web').node, [443])
    await b.end('b-web').node.start('serves', process.execPath, [STREAM, 'serve', '445,446'])
    await answerOn(b.end('b-hub').node, [443])
  }, 600_000)
  afterAll(async () => {
    await a?.stop()
    await b?.stop()
    await control?.[Symbol.asyncDispose]()
    await lab?.close()
  }, 60_000)

  /** Waits until a spoke of A that prefers the first hub, and one that prefers the other, reach B. */
  async function bothReach(): Promise<void> {
    const { address } = b.end('b-web').member
    try {
      await Promise.all(
        ['a-one', 'a-two'].map((name) =>
          eventually(
            () => calls(a.end(name).node, address, 443),
            (answer) => answer === 'b-web',
            PATIENCE_MS,
          ),
        ),
      )
    } catch (error) {
      throw new Error(await picture([...a.ends, ...b.ends]), { cause: error })
    }
  }

  test('the way comes back with the hub that carries it, after its link was down for a moment or for long', async () => {
    await bothReach()
    const hub = a.end('a-hub1')
    for (const isLong of [false, true]) {
      await hub.node.batch('link set e0 down')
      const established = async () => hub.frr?.json('show bgp ipv6 unicast summary established json')
      // Long: until nobody speaks with it any more. An agent that ends meanwhile finds at its start what it left.
      if (isLong) {
        await hub.agent?.stop()
        await eventually(established, (seen) => !JSON.stringify(seen ?? {}).includes('Established'), PATIENCE_MS)
      } else await eventually(() => calls(a.end('a-one').node, b.end('b-web').member.address, 443), (answer) => answer === undefined, PATIENCE_MS) // prettier-ignore
      await hub.node.batch('link set e0 up')
      if (isLong) await a.startAgent(hub)
      await bothReach()
    }
    // A session that the other side opened must not wait for a route that is on a link of ours.
    for (const { frr } of [hub, b.end('b-hub')])
      expect(await frr?.vtysh('show bgp nexthop')).not.toContain('Must be Connected')
  }, 900_000)

  test('a connection ends with the rule that let it in, and the others go on', async () => {
    const { node } = a.end('a-one')
    const { address } = b.end('b-web').member
    const streamed = (port: number): number =>
      readFileSync(join(lab.dir, `${node.name}-stream-${port}.log`), 'utf8').match(/\+/g)?.length ?? 0
    await bothReach()
    for (const port of [445, 446])
      await node.start(`stream-${port}`, process.execPath, [STREAM, 'call', address, String(port)])
    /** Whether bytes come back on a connection, looked at for as long as it takes to be sure. */
    const grows = async (port: number): Promise<boolean> => {
      const before = streamed(port)
      return eventually(() => Promise.resolve(streamed(port)), (now) => now > before + 2, 3_000).then(() => true, () => false) // prettier-ignore
    }
    for (const port of [445, 446]) await eventually(() => grows(port), Boolean, PATIENCE_MS)
    const [, ended] = b.rules
    b.rules = b.rules.filter((rule) => rule !== ended)
    b.want()
    await b.applied()
    expect(await grows(445)).toBe(false)
    expect(await grows(446)).toBe(true)
    const reports = b.ends.map(({ member }) => control.heard(member.nodeId).reports.at(-1)?.backEnds)
    expect(reports.flat().filter((each) => each?.detail !== '')).toEqual([])
    // Let in again, what stood is judged anew.
    if (ended) b.rules = [...b.rules, ended]
    b.want()
    await b.applied()
    await bothReach()
  }, 600_000)

  test('a neighbor on the link of a node does not reach it at its address inside', async () => {
    const { node, member } = b.end('b-hub')
    const neighbor = await lab.node('neighbor')
    await neighbor.batch(`route add ${member.address}/128 via ${node.v6} dev e0`)
    await eventually(() => calls(neighbor, node.v6, 443), (answer) => answer === 'b-hub', PATIENCE_MS) // prettier-ignore
    expect(await calls(neighbor, member.address, 443)).toBeUndefined()
    expect(await neighbor.pings(member.address)).toBe(false)
    expect(await calls(node, member.address, 443)).toBe('b-hub')
    expect(await node.must('nft', ['list', 'chain', 'inet', 'powernode_sdwan', 'input'])).toMatch(/packets [1-9]\d* bytes \d+ drop comment "outside/) // prettier-ignore
  }, 300_000)
})
