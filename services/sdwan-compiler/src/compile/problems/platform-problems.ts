import type { Problem } from '../../plan.ts'
import type { Member } from '../../world.ts'
import { vrfOf, type WorldIndex } from '../world-index.ts'
import { endpointOf } from '../wireguard/config.ts'

/** What members of all networks have to share, and cannot. The later by id is named, with the earlier in the message. */
export function platformProblems(index: WorldIndex): readonly Problem[] {
  const { everybody } = index
  return [
    ...twins(everybody, 'SAME_KEY', ({ publicKey }) => publicKey),
    ...twins(everybody, 'SAME_ADDRESS', ({ address }) => address),
    // Of two at one endpoint each would be sent what is meant for the other.
    ...twins(everybody, 'SAME_ENDPOINT', endpointOf),
    ...portProblems(index),
    ...vrfProblems(index),
  ]
}

const WORDS = { SAME_KEY: 'the public key', SAME_ADDRESS: 'the address', SAME_ENDPOINT: 'the endpoint' } as const

function twins(
  members: readonly Member[],
  code: keyof typeof WORDS,
  of: (member: Member) => string | undefined,
): readonly Problem[] {
  const values = members.map(of).filter((value) => value !== undefined)
  if (new Set(values).size === values.length) return []
  const first = new Map<string, Member>()
  return members.flatMap((member): Problem[] => {
    const value = of(member)
    if (value === undefined) return []
    const other = first.get(value)
    if (!other) first.set(value, member)
    const message = `${member.name} has ${WORDS[code]} of ${other?.name ?? ''} (${other?.id ?? ''}): ${value}`
    return other ? [{ fatal: true, code, record: `member/${member.id}`, message }] : []
  })
}

/** A node listens at a port once, be it for members of several networks or for crossings. */
function portProblems(index: WorldIndex): readonly Problem[] {
  const crossings = [...index.networks.values()].flatMap(({ crossings }) =>
    crossings.flatMap(({ peerId, gateways }) =>
      gateways.map(({ memberId, listenPort }) => {
        const nodeId = index.members.get(memberId)?.nodeId ?? memberId
        return { record: `crossing/${peerId}`, nodeId, listenPort }
      }),
    ),
  )
  const taken = new Map<string, string>()
  const problems: Problem[] = []
  const take = (record: string, nodeId: string, listenPort: number): void => {
    const place = `${nodeId} ${listenPort}`
    const other = taken.get(place)
    if (other === undefined) taken.set(place, record)
    else {
      const message = `node ${nodeId} has ${other} at port ${listenPort} already`
      problems.push({ fatal: true, code: 'SAME_PORT', record, message })
    }
  }
  for (const members of index.nodes.values()) {
    const [only] = members
    // Most nodes have one member, which can only meet a crossing.
    if (members.length === 1 && crossings.length === 0) continue
    for (const member of only ? members : []) take(`member/${member.id}`, member.nodeId, member.listenPort)
  }
  for (const { record, nodeId, listenPort } of crossings) take(record, nodeId, listenPort)
  return problems
}

function vrfProblems(index: WorldIndex): readonly Problem[] {
  return [...index.networks.values()].flatMap(({ network, members }) =>
    network.isolation === 'shared'
      ? []
      : members
          .filter(({ nodeId }) => vrfOf(index, nodeId, network.id) === undefined)
          .map(({ id, name, nodeId }) => {
            const message = `${network.slug} wants a table of its own, and the node ${nodeId} of ${name} has none for it`
            return { fatal: true, code: 'VRF_UNASSIGNED', record: `member/${id}`, message }
          }),
  )
}
