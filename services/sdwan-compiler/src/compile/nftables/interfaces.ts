import type { Firewall } from './firewall.ts'

type Its = Pick<Firewall, 'interfaces' | 'inVrf'>

/** What packets that came by these networks are known by: out of a VRF they come by its device, and the interface is what they came to it by. */
export function cameBy(firewalls: readonly Its[]): readonly string[] {
  const behind = firewalls.filter(({ inVrf }) => inVrf).flatMap(({ interfaces }) => interfaces)
  const all = firewalls.flatMap(({ interfaces }) => interfaces)
  return [
    ...(all.length > 0 ? [`iifname ${some(all)}`] : []),
    ...(behind.length > 0 ? [`meta sdifname ${some(behind)}`] : []),
  ]
}

export function some(interfaces: readonly string[]): string {
  const names = interfaces.map((name) => `"${name}"`)
  return names.length === 1 ? names.join('') : `{ ${names.join(', ')} }`
}
