import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileOvn } from '../../services/sdwan-compiler/src/compile/ovn/compile-ovn.ts'
import { mustIp } from '../../services/sdwan-compiler/src/model/address.ts'
import { explainFrame } from '../../services/sdwan-compiler/src/model/ovn/explain-ovn.ts'
import { readSwitches } from '../../services/sdwan-compiler/src/model/ovn/switch.ts'
import { idOf } from '../../services/sdwan-compiler/src/model/testing/worlds.ts'
import type { OvnAcl, OvnDeployment, OvnPort } from '../../services/sdwan-compiler/src/world.ts'
import { Lab } from './lab.ts'
import { startOvn } from './ovn.ts'
import { labSkip } from './requirements.ts'

const SWITCHES = 9
const PORTS = 3
const SERVICES = [
  { kind: 'tcp', dport: 443, flow: 'tcp.dst==443' },
  { kind: 'tcp', dport: 25, flow: 'tcp.dst==25' },
  { kind: 'udp', dport: 53, flow: 'udp.dst==53' },
  { kind: 'icmp', dport: 0, flow: 'icmp6.type==128' },
] as const

describe.skipIf(labSkip(['ovn-nbctl', 'ovn-northd']))('the model and OVN', () => {
  test('say the same of every pair of ports', async () => {
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    const deployment = deploymentOf(ovn.nb)
    const { plan, problems } = compileOvn(deployment)
    if (!plan) throw new Error(`no plan: ${JSON.stringify(problems)}`)
    await ovn.nbctl('--wait=sb', ...plan.commands.flatMap((command, at) => (at === 0 ? command : ['--', ...command])))
    const switches = readSwitches(plan)
    const wrong: string[] = []
    const count = { all: 0, passed: 0 }
    for (const its of deployment.switches) {
      for (const [from, to] of pairsOf(its.ports)) {
        const found = await Promise.all(
          SERVICES.map(async ({ kind, dport, flow }) => {
            const outputs = await ovn.trace(its.name, `${headers(from, to)} && ${flow}`)
            return { kind, dport, reached: outputs.includes(to.name) }
          }),
        )
        for (const { kind, dport, reached } of found) {
          const model = switches.get(its.name)
          if (!model) throw new Error(`the model has no switch ${its.name}`)
          const asked = { inport: from.name, outport: to.name, dst: mustIp(to.addresses[0] ?? ''), kind, dport }
          const answer = explainFrame(model, asked)
          count.all += 1
          count.passed += reached ? 1 : 0
          if (answer.passes !== reached)
            wrong.push(`${from.name} to ${to.name} ${kind}/${dport}: ${answer.reason}, but OVN: ${reached}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(count.all).toBe(SWITCHES * PORTS * (PORTS - 1) * SERVICES.length)
    expect(count.passed).toBeGreaterThan(count.all / 10)
    expect(count.passed).toBeLessThan((count.all * 9) / 10)
  })
})

const headers = (from: OvnPort, to: OvnPort): string =>
  [
    `inport=="${from.name}"`,
    `eth.src==${from.mac}`,
    `eth.dst==${to.mac}`,
    `ip6.src==${from.addresses[0]}`,
    `ip6.dst==${to.addresses[0]}`,
    'ip.ttl==64',
  ].join(' && ')

const pairsOf = (ports: readonly OvnPort[]): readonly (readonly [OvnPort, OvnPort])[] =>
  ports.flatMap((from) => ports.flatMap((to) => (from === to ? [] : [[from, to] as const])))

/** Switches with the same ports and other ACLs, of every form that there is. */
function deploymentOf(nbEndpoint: string): OvnDeployment {
  const switches = fc.sample(fc.array(aclShape, { minLength: 3, maxLength: 6 }), { numRuns: SWITCHES, seed: 6 })
  return {
    id: idOf('ovnd', 1),
    nbEndpoint,
    nodeId: idOf('node', 1),
    switches: switches.map((shapes, number) => {
      const ports = Array.from({ length: PORTS }, (_, at) => portOf(number, at))
      const acls = shapes.map((shape, at) => aclOf(shape, { number, at, ports }))
      return { id: idOf('swit', number), name: `ls-${number}`, cidr: undefined, networkId: undefined, ports, acls }
    }),
  }
}

const aclShape = fc.record({
  direction: fc.constantFrom('from-lport', 'to-lport'),
  action: fc.constantFrom('allow', 'allow-related', 'drop', 'reject', 'drop', 'drop'),
  family: fc.constantFrom('any', 'ip6', 'ip6', 'ip4'),
  src: fc.constantFrom('none', 'all', 'one', 'not one'),
  dst: fc.constantFrom('none', 'none', 'one', 'not one'),
  protocol: fc.constantFrom('any', 'tcp', 'udp', 'icmp'),
  ports: fc.constantFrom('none', 'one', 'range'),
  port: fc.option(fc.nat(PORTS - 1), { nil: undefined }),
})

function portOf(number: number, at: number): OvnPort {
  const mac = `02:00:00:00:0${number}:0${at + 1}`
  return {
    id: idOf('ovnp', number * 10 + at),
    name: `vm-${number}-${at}`,
    kind: 'vm',
    mac,
    addresses: [`fd10:0:0:${number + 1}::${at + 1}`],
  }
}

type Shape = typeof aclShape extends fc.Arbitrary<infer S> ? S : never

function aclOf(shape: Shape, { number, at, ports }: { number: number; at: number; ports: readonly OvnPort[] }): OvnAcl {
  const { direction, action, family, protocol } = shape
  const side = (what: Shape['src'], port: number): OvnAcl['match']['src'] => {
    if (what === 'none' || family === 'ip4') return undefined
    return {
      cidr: what === 'all' ? `fd10:0:0:${number + 1}::/64` : `fd10:0:0:${number + 1}::${port}/128`,
      not: what === 'not one',
    }
  }
  const hasPorts = (protocol === 'tcp' || protocol === 'udp') && shape.ports !== 'none'
  return {
    id: idOf('acls', number * 100 + at),
    name: `acl-${at}`,
    direction,
    action,
    priority: 2_000 - at * 100,
    match: {
      family,
      src: side(shape.src, 1),
      dst: side(shape.dst, 2),
      protocol,
      dstPorts: hasPorts ? { from: shape.ports === 'one' ? 443 : 20, to: shape.ports === 'one' ? 443 : 60 } : undefined,
      portId: shape.port === undefined ? undefined : ports[shape.port]?.id,
    },
  }
}
