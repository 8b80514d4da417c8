import type { Problem } from '../../plan.ts'
import type { Member } from '../../world.ts'
import { differenceOf, type Difference } from '../difference.ts'
import { vrfOf, type WorldIndex } from '../world-index.ts'
import { endpointOf } from '../wireguard/config.ts'

/** What members of all networks have to share, and cannot. The later by id is named, with the earlier in the message. */
export class PlatformProblems {
  readonly #twins = [
    new Twins('SAME_KEY', ({ publicKey }) => publicKey),
    new Twins('SAME_ADDRESS', ({ address }) => address),
    // Of two at one endpoint each would be sent what is meant for the other.
    new Twins('SAME_ENDPOINT', endpointOf),
  ]

  of(index: WorldIndex): readonly Problem[] {
    const twins = this.#twins.flatMap((each) => each.among(index.everybody))
    return [...twins, ...portProblems(index), ...vrfProblems(index)]
  }
}

const WORDS = { SAME_KEY: 'the public key', SAME_ADDRESS: 'the address', SAME_ENDPOINT: 'the endpoint' } as const

type Value = (member: Member) => string | undefined

/** Members who have one value of a kind. While nobody has, only who is new is asked. */
class Twins {
  readonly #code: keyof typeof WORDS
  readonly #of: Value
  #members: readonly Member[] = []
  /** Of those members, when no two have the same. */
  #values: Set<string> | undefined = new Set()

  constructor(code: keyof typeof WORDS, of: Value) {
    this.#code = code
    this.#of = of
  }

  among(members: readonly Member[]): readonly Problem[] {
    const values = this.#valuesAfter(differenceOf(this.#members, members)) ?? uniqueValues(members, this.#of)
    this.#members = members
    this.#values = values
    return values ? [] : twins(members, this.#code, this.#of)
  }

  #valuesAfter({ gone, come }: Difference<Member>): Set<string> | undefined {
    const values = this.#values
    if (!values) return undefined
    for (const member of gone) values.delete(this.#of(member) ?? '')
    return come.every((member) => isAdded(values, this.#of(member))) ? values : undefined
  }
}

/** Undefined when two have the same. */
function uniqueValues(members: readonly Member[], of: Value): Set<string> | undefined {
  const values = new Set<string>()
  return members.every((member) => isAdded(values, of(member))) ? values : undefined
}

function isAdded(values: Set<string>, value: string | undefined): boolean {
  if (value === undefined) return true
  const isNew = !values.has(value)
  values.add(value)
  return isNew
}

function twins(members: readonly Member[], code: keyof typeof WORDS, of: Value): readonly Problem[] {
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
  // Most nodes have one member, which can only meet a crossing.
  for (const members of (crossings.length > 0 ? index.nodes : index.crowded).values()) {
    for (const member of members) take(`member/${member.id}`, member.nodeId, member.listenPort)
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
