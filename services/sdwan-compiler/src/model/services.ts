import type { FirewallRule, Selector } from '../world.ts'
import { type Ip, holds, mustNet } from './address.ts'
import type { Protocol } from './converse.ts'
import type { Model } from './model.ts'
import type { Place } from './place.ts'

/** A protocol and a port that stand for all that are treated like them. */
export type Service = { readonly protocol: Protocol; readonly port: number; readonly name: string }

type Ranged = { readonly rule: FirewallRule; readonly model: Model; readonly services: readonly Service[] }

/** A port that few rules name: it stands for all that none does. */
const OTHER_PORT = 9

/**
 * Services that rules can tell apart between two places: one for each stretch of ports between two borders of rules that mean
 * both, and one of each protocol for all that no rule names.
 */
export class ServiceFinder {
  readonly #others: readonly Service[]
  readonly #ranged: readonly Ranged[]

  constructor(models: readonly Model[]) {
    const ranges = models.flatMap(({ compiled: { world } }) => [
      ...world.rules.flatMap(({ protocol, dstPorts }) => (dstPorts ? [{ protocol, ...dstPorts }] : [])),
      ...world.portMappings.map(({ protocol, listenPort }) => ({ protocol, from: listenPort, to: listenPort })),
    ])
    const borders = (['tcp', 'udp'] as const).map((protocol) =>
      bordersOf(ranges.filter((range) => range.protocol === protocol)),
    )
    const [tcp = [], udp = []] = borders
    this.#others = [
      { protocol: 'tcp', port: freePort(ranges), name: 'tcp/other' },
      { protocol: 'udp', port: freePort(ranges), name: 'udp/other' },
      { protocol: 'icmp6', port: 0, name: 'icmp6' },
    ]
    this.#ranged = models.flatMap((model) =>
      model.compiled.world.rules.flatMap((rule): Ranged[] => {
        const { protocol, dstPorts } = rule
        if (!dstPorts || (protocol !== 'tcp' && protocol !== 'udp')) return []
        const ports = (protocol === 'tcp' ? tcp : udp).filter((port) => dstPorts.from <= port && port <= dstPorts.to)
        return [{ rule, model, services: ports.map((port) => ({ protocol, port, name: `${protocol}/${port}` })) }]
      }),
    )
  }

  /** `src` and `dst` are the same two places before and after. */
  between(src: readonly (Place | undefined)[], dst: readonly (Place | undefined)[]): readonly Service[] {
    const meant = this.#ranged.filter(
      ({ rule, model }) =>
        src.some((one) => one && means(model, rule.src, one)) && dst.some((one) => one && means(model, rule.dst, one)),
    )
    const named = new Map(meant.flatMap(({ services }) => services.map((service) => [service.name, service])))
    return [...named.values(), ...this.#others]
  }
}

function bordersOf(ranges: readonly { readonly from: number; readonly to: number }[]): readonly number[] {
  return [...new Set(ranges.flatMap(({ from, to }) => [from, to + 1]))].toSorted((one, other) => one - other)
}

function freePort(ranges: readonly { readonly from: number; readonly to: number }[]): number {
  let port = OTHER_PORT
  while (ranges.some(({ from, to }) => from <= port && port <= to)) port += 1
  return port
}

function means(model: Model, selector: Selector, { ip, member }: Place): boolean {
  switch (selector.kind) {
    case 'member':
      return member?.id === selector.memberId
    case 'tag':
      return member?.tags.includes(selector.tag) === true
    case 'cidr':
      return holds(mustNet(selector.cidr), ip)
    case 'federation_peer':
      return model.crossings.get(selector.peerId)?.accepted.some((prefix) => lies(prefix, ip)) === true
    default:
      return true
  }
}

function lies(prefix: string, ip: Ip): boolean {
  return holds(mustNet(prefix), ip)
}
