import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { scenarios as routed } from '../../services/sdwan-compiler/src/compile/frr/testing/scenarios.ts'
import { bigWorld } from '../../services/sdwan-compiler/src/compile/testing/big-world.ts'
import { scenarios } from '../../services/sdwan-compiler/src/compile/testing/scenarios.ts'
import type { NodePlan, WireGuardInterface } from '../../services/sdwan-compiler/src/plan.ts'
import type { World } from '../../services/sdwan-compiler/src/world.ts'
import { frrAccepts } from './frr.ts'
import { Lab, must, type LabNode } from './lab.ts'
import { labSkip } from './requirements.ts'
import { startWireGuard } from './wireguard.ts'

const worlds: Readonly<Record<string, World>> = {
  ...routed,
  ...scenarios,
  'a large hub_and_spoke': bigWorld({ members: 1_000, hubs: 4, topology: 'hub_and_spoke' }),
  'a large full_mesh': bigWorld({ members: 200, hubs: 100, topology: 'full_mesh' }),
}

type Compiled = { readonly where: string; readonly node: NodePlan; readonly isRefused: boolean }

/** The first nodes of each world: hubs come first, and of a large world the others are alike. */
const compiled: readonly Compiled[] = Object.entries(worlds).flatMap(([name, world]) => {
  const { nodes, problems } = compile(world)
  // Two members with one key are one peer to WireGuard: no node is ever sent that.
  const isRefused = problems.some(({ code }) => code === 'SAME_KEY')
  return [...nodes.values()].slice(0, 4).map((node) => ({ where: `${name}: ${node.nodeId}`, node, isRefused }))
})

/** What real tools say of every artifact of every scenario that is kept. */
describe.skipIf(labSkip(['nft', 'wg', 'wireguard-go', 'vtysh']))('every artifact passes its own tool', () => {
  test('nft takes every script, and once more over itself', async () => {
    await using lab = await Lab.open()
    const node = await lab.node('a')
    const refused: string[] = []
    for (const [script, where] of eachOnce(({ nftables }) => nftables)) {
      const { code, err } = await node.run('nft', ['-c', '-f', '-'], { input: script })
      if (code !== 0) refused.push(`${where}: ${err.slice(0, 400)}`)
    }
    for (const at of [1, 2]) {
      const { code, err } = await node.run('nft', ['-f', '-'], { input: compiled.at(-1)?.node.nftables ?? '' })
      if (code !== 0) refused.push(`loaded for time ${at}: ${err.slice(0, 400)}`)
    }
    expect(refused).toEqual([])
  })

  test('what is loaded has every rule of the script, with its counter', async () => {
    await using lab = await Lab.open()
    const node = await lab.node('a')
    for (const { node: plan } of compiled.filter(({ where }) => /rules by|crossing on|guard/.test(where))) {
      await node.must('nft', ['-f', '-'], { input: plan.nftables })
      const loaded = await node.must('nft', ['list', 'table', 'inet', 'powernode_sdwan'])
      for (const id of commentsIn(plan.nftables)) {
        expect(countOf(loaded, `comment "${id}"`), id).toBe(countOf(plan.nftables, `comment "${id}"`))
      }
      expect(countOf(loaded, 'counter packets 0 bytes 0')).toBe(plan.nftables.match(/\bcounter\b/g)?.length)
    }
  })

  test('wg takes every configuration, and each prefix stands with the peer that it was given', async () => {
    await using lab = await Lab.open()
    const node = await lab.node('a')
    const name = `t${lab.prefix.slice(2)}w`
    await startWireGuard(node, name)
    const wrong: string[] = []
    for (const { where, node: plan } of compiled.filter(({ isRefused }) => !isRefused)) {
      for (const its of plan.interfaces) {
        const file = join(node.dir, 'wg.conf')
        // Nobody answers for names here; a name is resolved by wg itself.
        writeFileSync(file, its.config.replace('hub.a.example', '192.0.2.77'), { mode: 0o600 })
        await must('wg', ['syncconf', name, file])
        wrong.push(...(await differences(name, its)).map((what) => `${where} ${its.name}: ${what}`))
      }
    }
    expect(wrong).toEqual([])
  })

  test('vtysh takes every frr.conf', async () => {
    await using lab = await Lab.open()
    const node = await lab.node('a')
    const refused: string[] = []
    for (const [frr, where] of eachOnce((plan) => plan.frr)) {
      const file = join(node.dir, 'frr.conf')
      writeFileSync(file, frr)
      const why = await frrAccepts(file)
      if (why !== undefined) refused.push(`${where}: ${why}`)
    }
    expect(refused).toEqual([])
  })

  test('interfaces take their addresses, mtu and routes', async () => {
    await using lab = await Lab.open()
    const wanted = compiled.filter(({ where }) => /virtual ip|lans of both|crossing with two|full mesh/.test(where))
    for (const [at, { node: plan }] of wanted.entries()) {
      const node = await lab.node(`n${at}`)
      for (const its of plan.interfaces) await takesAddressing(node, its)
    }
  })
})

/** Artifacts that differ, each with the first place where it is. */
const eachOnce = (of: (node: NodePlan) => string): ReadonlyMap<string, string> =>
  new Map(compiled.toReversed().flatMap(({ where, node }) => (of(node) === '' ? [] : [[of(node), where] as const])))

async function takesAddressing(node: LabNode, its: WireGuardInterface): Promise<void> {
  await node.batch(
    `link add ${its.name} mtu ${its.mtu} type veth peer name to${its.name.slice(2)}`,
    `link set ${its.name} up`,
    ...its.addresses.map((address) => `addr add ${address} dev ${its.name} nodad`),
    ...its.routes.map(
      ({ prefix, metric }) => `route add ${prefix} dev ${its.name}${metric > 0 ? ` metric ${metric}` : ''}`,
    ),
  )
}

const commentsIn = (script: string): ReadonlySet<string> =>
  new Set([...script.matchAll(/comment "([^"]+)"/g)].map(([, id = '']) => id))

const countOf = (text: string, what: string): number => text.split(what).length - 1

/** Where the tunnel differs from its configuration: a prefix that two peers claim would be with the last alone. */
async function differences(name: string, { config }: WireGuardInterface): Promise<readonly string[]> {
  const dump = (await must('wg', ['show', name, 'dump'])).trim().split('\n').slice(1)
  const real = new Map(dump.map((line) => line.split('\t')).map(([key = '', , , allowed = '', , , , keepalive = '']) => [key, { allowed, keepalive }])) // prettier-ignore
  const sections = config.split('\n[Peer]\n').slice(1)
  const missing = sections.length === real.size ? [] : [`${real.size} peers, not ${sections.length}`]
  return [
    ...missing,
    ...sections.flatMap((section) => {
      const field = (key: string): string => new RegExp(`^${key} = (.*)$`, 'm').exec(section)?.[1] ?? ''
      const peer = real.get(field('PublicKey'))
      const wanted = field('AllowedIPs').split(', ').filter(Boolean).toSorted()
      const has = (peer?.allowed ?? '').split(',').filter((each) => each !== '(none)' && each !== '').toSorted() // prettier-ignore
      const keepalive = field('PersistentKeepalive') === '0' ? 'off' : field('PersistentKeepalive')
      const same = wanted.join() === has.join() && peer?.keepalive === keepalive
      return same ? [] : [`${field('PublicKey')}: ${has.join()} every ${peer?.keepalive ?? ''}, not ${wanted.join()}`]
    }),
  ]
}
