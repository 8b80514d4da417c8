import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expectRefusal } from '@powernode/rpc/testing'
import { asNumberOf, idFrom, listenPort, macOf, vrfTable } from './numbers.ts'
import { firstFree, placesOf } from './order.ts'
import { accountPrefix, installPrefix, memberAddress, networkPrefix } from './prefixes.ts'

const INSTALL = installPrefix(Buffer.from([0x12, 0x34, 0x56, 0x78]))
const refused = (act: () => unknown) => expectRefusal(Promise.resolve().then(act), 'ADDRESS_SPACE_EXHAUSTED')

describe('an order of places', () => {
  test('has every place of its space once, whatever the seed and the size', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 3_000 }), (seed, size) => {
        const places = [...placesOf(seed, BigInt(size))]
        expect(new Set(places).size).toBe(size)
        expect(places.every((place) => place >= 0n && place < BigInt(size))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('is the same for the same seed, and another for another', () => {
    expect([...placesOf('a', 97n)]).toEqual([...placesOf('a', 97n)])
    expect([...placesOf('a', 97n)]).not.toEqual([...placesOf('b', 97n)])
  })

  test('finds the one place that is left, and says when none is', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt({ min: 0n, max: 255n }), (seed, left) => {
        expect(firstFree(seed, 256n, (place) => place !== left)).toBe(left)
        expect(firstFree(seed, 256n, () => true)).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })
})

describe('prefixes', () => {
  test('all 32 random bits of an installation stand in its /40', () => {
    expect(INSTALL).toBe('fd12:3456:7800::/40')
    expect(installPrefix(Buffer.alloc(4))).toBe('fd00::/40')
    expect(installPrefix(Buffer.alloc(4, 0xff))).toBe('fdff:ffff:ff00::/40')
    const every = Array.from({ length: 32 }, (_, bit) => installPrefix(Buffer.from(new Uint32Array([2 ** bit]).buffer)))
    expect(new Set(every).size).toBe(32)
  })

  test('an installation has room for 256 accounts, each inside it, and for no more', async () => {
    const taken = new Set<string>()
    for (let n = 0; n < 256; n++) taken.add(accountPrefix(INSTALL, `account ${n}`, taken))
    expect(taken.size).toBe(256)
    for (const prefix of taken) expect(prefix).toMatch(/^fd12:3456:78[0-9a-f]{2}::\/48$/)
    const refusal = await refused(() => accountPrefix(INSTALL, 'one more', taken))
    expect(refusal.metadata).toEqual({ space: INSTALL })
  })

  test('an account has room for 65,536 networks: the last that is free is found, and then none', async () => {
    const account = accountPrefix(INSTALL, 'a.example', new Set())
    const taken = new Set<string>()
    for (let n = 0; n < 65_536; n++)
      taken.add(`${account.replace('::/48', '')}:${n.toString(16)}::/64`.replace(':0::/64', '::/64'))
    expect(taken.size).toBe(65_536)
    for (const n of [0, 1, 0x8000, 0xffff]) {
      const free = [...taken][n] ?? ''
      taken.delete(free)
      expect(networkPrefix(account, 'the last', taken)).toBe(free)
      taken.add(free)
    }
    await refused(() => networkPrefix(account, 'one more', taken))
  })

  test('a member is inside its network, never at the address of every router; the same id comes to the same address', () => {
    const network = networkPrefix(accountPrefix(INSTALL, 'a', new Set()), 'n', new Set())
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (id, other) => {
        const address = memberAddress(network, id, new Set())
        expect(address).toBe(memberAddress(network, id, new Set()))
        expect(address).not.toBe(network.replace('/64', ''))
        const second = memberAddress(network, other, new Set([address]))
        expect(second).not.toBe(address)
        // Who comes later moves, not who was there.
        expect(memberAddress(network, id, new Set([second]))).toBe(address)
      }),
    )
  })

  test('what was there, made again in the same order, comes to the same places: a restore is no renumbering', () => {
    const make = () => {
      const taken = new Set<string>()
      for (let n = 0; n < 2_000; n++) taken.add(networkPrefix('fd12:3456:7800::/48', `network ${n}`, taken))
      return [...taken]
    }
    expect(make()).toEqual(make())
  })
})

describe('numbers', () => {
  test('AS numbers are private ones of four bytes, and another when the first is taken', () => {
    fc.assert(
      fc.property(fc.domain(), (domain) => {
        const first = asNumberOf(domain)
        const second = asNumberOf(domain, new Set([first]))
        for (const number of [first, second]) expect(number >= 4_200_000_000 && number <= 4_294_967_294).toBe(true)
        expect(second).not.toBe(first)
      }),
    )
  })

  test('a node has 65,433 tables: the lowest that is free, never one of the kernel’s own, until all are taken', async () => {
    const taken = new Set<number>()
    expect(vrfTable(taken)).toBe(100)
    for (let table = 100; table <= 65_535; table++) if (![253, 254, 255].includes(table)) taken.add(table)
    expect(taken.size).toBe(65_433)
    await refused(() => vrfTable(taken))
    taken.delete(252)
    taken.delete(300)
    expect(vrfTable(taken)).toBe(252)
  })

  test('a node listens on WireGuard’s own port, then on the next; in the end on every port from 1024 on', async () => {
    const taken = new Set<number>()
    for (let n = 0; n < 64_512; n++) {
      const port = listenPort(taken)
      if (n === 0) expect(port).toBe(51_820)
      if (n === 1) expect(port).toBe(51_821)
      taken.add(port)
      // Every port on the way was tried before: only the last are looked at one by one.
      if (n === 20) for (let more = 1_024; more <= 65_500; more++) taken.add(more)
      if (taken.size === 64_512) break
    }
    await refused(() => listenPort(taken))
  })

  test('MAC addresses are locally administered, of one port each', () => {
    const taken = new Set<string>()
    for (let n = 0; n < 1_000; n++) taken.add(macOf(`port ${n}`, taken))
    expect(taken.size).toBe(1_000)
    for (const mac of taken) expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/)
  })

  test('ids that follow from a text are uuids; with a moment they sort as UUIDv7 of that moment', () => {
    expect(idFrom('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    const at = '0198a1b2-c3d4-7000-8000-000000000001'
    expect(idFrom('a', at)).toMatch(/^0198a1b2-c3d4-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(idFrom('a', at)).not.toBe(idFrom('b', at))
  })
})
