import type { Lab, LabNode } from '../lab.ts'
import { INSIDE, ownInside, type Tenants } from './tenants.ts'

/** A host with an address that every tenant has, and with one of its own, on a cable into the tenant's table on the spoke. */
export async function behind(lab: Lab, world: Tenants, at: number): Promise<LabNode> {
  const { spoke } = world.nodes
  const far = `lan${at}`
  const host = await lab.plugged(spoke, `inside-${at}`, { far, address: `${INSIDE}9` })
  const prefixes = [INSIDE, ownInside(at)]
  await spoke.batch(`link set ${far} master ${world.room('spoke', at).vrf}`, ...prefixes.map((each) => `addr add ${each}1/64 dev ${far} nodad`)) // prettier-ignore
  await host.batch(...prefixes.map((each) => `addr add ${each}9/64 dev e0 nodad`), `route add default via ${INSIDE}1`)
  return host
}

export async function answers(node: LabNode, name: string): Promise<void> {
  for (const port of [443, 444])
    await node.start(`answers-${port}`, 'busybox', ['nc', '-ll', '-p', String(port), '-e', '/usr/bin/echo', name])
}

/** How many listen on the two ports, in whatever table (proc_net_tcp: state 0A). */
export async function listening(node: LabNode): Promise<number> {
  return [...(await node.must('cat', ['/proc/net/tcp6'])).matchAll(/:01B[BC] 0+:0000 0A/g)].length
}
