import type { Problem } from '../../plan.ts'
import { isMesh } from '../network-facts.ts'
import { holdersOf, isHub, type NetworkIndex, type WorldIndex } from '../world-index.ts'

/** What one network lacks by itself. */
export function networkProblems(index: WorldIndex, its: NetworkIndex): readonly Problem[] {
  return [...hubProblems(its), ...memberProblems(its), ...virtualIpProblems(index, its), ...podProblems(its)]
}

function hubProblems(its: NetworkIndex): readonly Problem[] {
  const { network, members, keyed, hubs } = its
  const record = `network/${network.id}`
  const endless = members
    .filter((member) => member.publiclyReachable && !isHub(member))
    .map(({ id, name }) => {
      const message = `${name} is publicly reachable, but has no endpoint: nobody can call it`
      return { fatal: true, code: 'HUB_WITHOUT_ENDPOINT', record: `member/${id}`, message }
    })
  if (!isMesh(its)) {
    const message = `${network.slug} has no hub with a key: its members are alone`
    return hubs.length > 0 || members.length === 0
      ? endless
      : [...endless, { fatal: false, code: 'NETWORK_WITHOUT_HUB', record, message }]
  }
  const uncallable = keyed.filter((member) => !isHub(member)).length
  const message = `${uncallable} members of ${network.slug} cannot be called: no two of them reach each other`
  return uncallable < 2 ? endless : [...endless, { fatal: false, code: 'MESH_UNCALLABLE', record, message }]
}

function memberProblems({ members }: NetworkIndex): readonly Problem[] {
  return members
    .filter(({ publicKey }) => publicKey === undefined)
    .map(({ id, name }) => {
      const message = `the node of ${name} has made no key yet: it is in nobody's tunnel`
      return { fatal: false, code: 'MEMBER_WITHOUT_KEY', record: `member/${id}`, message }
    })
}

function virtualIpProblems(index: WorldIndex, { virtualIps }: NetworkIndex): readonly Problem[] {
  return virtualIps
    .filter((virtualIp) => holdersOf(index, virtualIp).length === 0)
    .map(({ id, name }) => {
      const message = `nobody holds ${name}: whoever should is gone, or has no key`
      return { fatal: false, code: 'VIRTUAL_IP_WITHOUT_HOLDER', record: `virtual_ip/${id}`, message }
    })
}

/** BGP tells where pods are, but a tunnel takes only what it was told to. */
function podProblems({ network }: NetworkIndex): readonly Problem[] {
  if (network.podSubnet === undefined) return []
  const message = `pods of ${network.slug} are reached where members have their part of ${network.podSubnet} among their LANs`
  return [{ fatal: false, code: 'POD_SUBNET_BY_LAN', record: `network/${network.id}`, message }]
}
