import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Member, World } from '../../world.ts'
import { compile } from '../compile.ts'
import { hubOf, memberOf, networkOf, worldOf } from '../frr/testing/worlds.ts'
import { Preferences } from './preference.ts'

const starOf = (hubs: number, spokes: number): World =>
  worldOf({
    networks: [networkOf(1, { routingProtocol: 'static' })],
    members: Array.from({ length: hubs + spokes }, (_, n) => (n < hubs ? hubOf(1, n + 1) : memberOf(1, n + 1))),
  })

/** Which public key each prefix stands with, at a member; a prefix that stands twice fails. */
function ownersAt(world: World, member: Member): ReadonlyMap<string, string> {
  const [its] = compile(world).nodes.get(member.nodeId)?.interfaces ?? []
  const owners = new Map<string, string>()
  for (const section of its?.config.split('\n[Peer]\n').slice(1) ?? []) {
    const key = /PublicKey = (.*)/.exec(section)?.[1] ?? ''
    for (const prefix of /AllowedIPs = (.*)/.exec(section)?.[1]?.split(', ') ?? []) {
      expect(owners.has(prefix), `${prefix} stands with two peers of ${member.name}`).toBe(false)
      owners.set(prefix, key)
    }
  }
  return owners
}

describe('several hubs', () => {
  test('no prefix stands with two peers, and both ends agree on the hub that a spoke is reached by', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }), (hubs, spokes) => {
        const world = starOf(hubs, spokes)
        const all = new Map(world.members.map((member) => [member.id, ownersAt(world, member)]))
        const isHub = ({ publiclyReachable }: Member): boolean => publiclyReachable
        for (const spoke of world.members.filter((member) => !isHub(member))) {
          const used = all.get(spoke.id)?.get('fd10:0:0:1::/64')
          for (const hub of world.members.filter(isHub)) {
            const owner = all.get(hub.id)?.get(`${spoke.address}/128`)
            expect(owner).toBe(hub.publicKey === used ? spoke.publicKey : used)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('spokes spread over them, and a hub that goes moves none but its own', () => {
    const members = Array.from({ length: 4_004 }, (_, n) => (n < 4 ? hubOf(1, n + 1) : memberOf(1, n + 1)))
    const [hubs, spokes] = [members.slice(0, 4), members.slice(4)]
    const [before, after] = [new Preferences(hubs), new Preferences(hubs.slice(1))]
    const counts = hubs.map((hub) => spokes.filter(({ id }) => before.of(id)[0] === hub).length)
    expect(counts.every((count) => count > 900 && count < 1_100), counts.join()).toBe(true) // prettier-ignore
    const moved = spokes.filter(({ id }) => before.of(id)[0] !== hubs[0] && before.of(id)[0] !== after.of(id)[0])
    expect(moved).toEqual([])
    // Whoever loses his hub goes on by the next in his order.
    expect(spokes.every(({ id }) => after.of(id)[0] === before.of(id).find((hub) => hub !== hubs[0]))).toBe(true)
  })

  test('what goes by a hub that dies has its next way with whoever sees it die', () => {
    const world = starOf(3, 9)
    for (const member of world.members) {
      const [its] = compile(world).nodes.get(member.nodeId)?.interfaces ?? []
      const owners = ownersAt(world, member)
      for (const { prefixes, peers } of its?.standby ?? []) {
        expect(peers.length).toBeGreaterThan(1)
        expect(prefixes.map((prefix) => owners.get(prefix))).toEqual(prefixes.map(() => peers[0]?.publicKey))
        expect(peers.every(({ address, publicKey }) => owners.get(`${address}/128`) === publicKey)).toBe(true)
      }
    }
  })
})
