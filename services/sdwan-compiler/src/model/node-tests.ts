import type { NodeTest } from '../plan.ts'
import type { Id, Member, World } from '../world.ts'
import { ipOf } from './address.ts'
import { testEntryOf, whomOf } from './test-entry.ts'

/** More would take a node longer than it has until its new state is confirmed. */
const MOST_TESTS = 64

/**
 * What each node can try of the tests by itself: those that begin at a member of its own. What begins in a LAN, at a virtual
 * IP or at a peer is tried on paper alone. Sorted, and cut to a number that a node can do in its time.
 */
export function nodeTests(world: World): ReadonlyMap<Id, readonly NodeTest[]> {
  const tests = new Map<Id, NodeTest[]>()
  for (const test of world.tests) {
    const entries = [
      ...test.accept.map((text) => ({ text, expected: true })),
      ...test.deny.map((text) => ({ text, expected: false })),
    ]
    const tries = entries.flatMap(({ text, expected }) => triesOf(world, text, { testId: test.id, expected }))
    for (const { nodeId, address } of membersOf(world, whomOf(test.src))) {
      const own = tries.filter((each) => each.address !== address)
      if (own.length > 0) tests.set(nodeId, [...(tests.get(nodeId) ?? []), ...own])
    }
  }
  return new Map([...tests].map(([id, all]) => [id, once(all).slice(0, MOST_TESTS)]))
}

function triesOf(world: World, text: string, test: Pick<NodeTest, 'testId' | 'expected'>): NodeTest[] {
  const entry = testEntryOf(text)
  if (!entry) return []
  const { protocol, port, dst } = entry
  const address = dst.kind === 'place' && ipOf(dst.text) ? [dst.text] : []
  const addresses = address.length > 0 ? address : membersOf(world, dst).map((member) => member.address)
  return addresses.map((each) => ({ ...test, address: each, protocol, port }))
}

function membersOf(world: World, whom: { kind: 'tag' | 'place'; text: string }): readonly Member[] {
  const { kind, text } = whom
  if (kind === 'tag') return world.members.filter(({ tags }) => tags.includes(text))
  const [slug, name] = text.includes('/') ? text.split('/') : [undefined, text]
  const network = slug === undefined ? undefined : world.networks.find((each) => each.slug === slug)?.id
  const named = world.members.filter(
    (member) =>
      member.id === text ||
      member.address === text ||
      (member.name === name && (slug === undefined || member.networkId === network)),
  )
  return named.length === 1 ? named : []
}

function once(tests: readonly NodeTest[]): readonly NodeTest[] {
  const keyed = new Map(
    tests.map((test) => [`${test.testId} ${test.address} ${test.protocol}/${test.port} ${test.expected}`, test]),
  )
  return [...keyed].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, test]) => test)
}
