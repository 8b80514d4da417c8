import type { Plan } from '../../plan.ts'
import type { World } from '../../world.ts'
import { holds, mustIp, mustNet } from '../address.ts'
import { explain } from '../explain.ts'
import { Model } from '../model.ts'
import { explainSwitch } from '../ovn/explain-ovn.ts'
import type { Frame } from '../ovn/switch.ts'
import { intruders, toNodes } from './intruders.ts'
import { sharing } from './sharing.ts'
import { type Service, hostIn, mayReach, spotsOf } from './oracle.ts'
import { mayCross } from './ovn-oracle.ts'

export const SERVICES: readonly Service[] = [
  { protocol: 'tcp', port: 443 },
  { protocol: 'tcp', port: 22 },
  { protocol: 'udp', port: 80 },
  { protocol: 'icmp6', port: 0 },
]

/** Where nodes are managed. */
const NODE_ITSELF = ['2001:db8:77::1', '192.0.2.77'] as const

/** Wherever what is compiled is not what is meant; one line each. Also where it cannot be read at all. */
export function differences(
  compiled: { readonly plan: Plan; readonly world: World },
  vrfs: Model['vrfs'] = 'kernel',
): string[] {
  try {
    const model = new Model(compiled, { vrfs })
    const known = new Model(compiled, { vrfs, before: model, beside: NODE_ITSELF })
    const strangers = [...intruders(model, SERVICES), ...toNodes(known, NODE_ITSELF, SERVICES), ...sharing(model)]
    return [...roads(model), ...strangers, ...borders(compiled), ...switches(model)]
  } catch (error) {
    return [`cannot be read: ${error instanceof Error ? error.message : String(error)}`]
  }
}

function roads(model: Model): string[] {
  const { world } = model.compiled
  const spots = spotsOf(world)
  const found: string[] = []
  for (const src of spots) {
    for (const dst of spots) {
      if (src === dst || src.address.includes(':') !== dst.address.includes(':')) continue
      for (const service of SERVICES) {
        const meant = mayReach(world, src, dst, service)
        if (meant === undefined) continue
        const answer = explain(model, { src: src.address, dst: dst.address, ...service })
        if ('unknown' in answer) throw new Error(answer.unknown)
        if (answer.reachable === meant) continue
        const what = `${src.address} to ${dst.address} ${service.protocol}/${service.port}`
        found.push(`${what} is ${meant ? '' : 'not '}meant: ${answer.verdict}`)
      }
    }
  }
  return found
}

/** Prefixes that a peer might tell us although they are not its own. */
const NOT_THEIRS = ['::/0', '2001:db8::/32', 'fdaa:0:0:1::2/128', 'fdaa:0:0:2::/64', 'fdee::/48'] as const

/** A peer is believed what was agreed, whatever it tells; and it hears of what we offer, and of nothing else. */
function borders(compiled: { readonly plan: Plan; readonly world: World }): string[] {
  const { world } = compiled
  if (!world.platform.bgp.enabled) return []
  const model = new Model(compiled, { told: NOT_THEIRS.map(mustNet) })
  return world.crossings.flatMap(({ peerId, advertised }) => {
    const taken = NOT_THEIRS.flatMap((prefix) => {
      const ip = mustIp(hostIn(prefix))
      const nodes = [...model.nodes.values()].flatMap((node) =>
        node.speakers.map(({ router }) => ({ node, vrf: router.vrf })),
      )
      const led = nodes.some(({ node, vrf }) => model.bgp.routeFor(node, vrf, ip)?.source === `federation:${peerId}`)
      return led ? [`${prefix} is believed to lie at the peer`] : []
    })
    const all = [...world.networks.map(({ cidr }) => cidr), ...world.members.flatMap(({ lanSubnets }) => lanSubnets)]
    const told = all
      .filter((prefix) => prefix.includes(':'))
      .flatMap((prefix) => {
        const ip = mustIp(hostIn(prefix))
        const meant = advertised.some((each) => holds(mustNet(each), ip))
        const hears = model.bgp.tells(peerId, ip)
        return hears === meant ? [] : [`the peer ${hears ? 'hears' : 'does not hear'} of ${prefix}`]
      })
    return [...taken, ...told]
  })
}

const KINDS: readonly Frame['kind'][] = ['tcp', 'udp', 'icmp', 'nd', 'arp']

function switches(model: Model): string[] {
  const { world } = model.compiled
  const all = world.ovn.flatMap((deployment) => deployment.switches)
  return all.flatMap((its) => {
    const found = model.switches.get(its.name)
    if (!found) return [`the switch ${its.name} is not there`]
    return its.ports.flatMap((from) =>
      its.ports.flatMap((to) =>
        [22, 443].flatMap((dport) =>
          KINDS.flatMap((kind) => {
            const address = to.addresses.find((each) => each.includes(':') !== (kind === 'arp'))
            if (from === to || address === undefined) return []
            const asked = { inport: from.name, outport: to.name, dst: mustIp(address), kind, dport }
            const meant = mayCross(its, { from, to, kind, dport })
            const { passes, reason } = explainSwitch(found, asked)
            return passes === meant
              ? []
              : [`${from.name} to ${to.name} ${kind}/${dport} is ${meant ? '' : 'not '}meant: ${reason}`]
          }),
        ),
      ),
    )
  })
}
