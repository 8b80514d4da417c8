import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import {
  blocksOverlap,
  canonicalAddress,
  canonicalCidr,
  cidrHolds,
  cidrsOverlap,
  inSomeCidr,
  readBlock,
} from './cidr.ts'

/** Groups that are often zero, so that addresses meet and runs of zeros are frequent. */
const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
const v6 = fc.oneof(
  fc.ipV6(),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.map((some) => some.toString(16)).join(':')),
)
const v4 = fc.ipV4()
const mapped = v4.map((address) => `::ffff:${address}`)
const address = fc.oneof(v4, v6, mapped)

describe('an address', () => {
  test('has the one spelling of RFC 5952, as the URL standard writes it', () => {
    fc.assert(
      fc.property(fc.oneof(v6, mapped), (text) => {
        const groups = new URL(`http://[${text}]`).hostname.slice(1, -1)
        const isMapped = /^::ffff:[^:]+:[^:]+$/.test(groups)
        expect(canonicalAddress(text)).toBe(isMapped ? ipaddr.process(groups).toString() : groups)
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(v4, (text) => canonicalAddress(text) === text))
  })

  test.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['::192.0.2.7', '::c000:207'], // compatible, not mapped: no IPv4 address
    ['64:ff9b::192.0.2.7', '64:ff9b::c000:207'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })

  test.each([
    '',
    '*',
    '1',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '192.0.2.007',
    '256.0.0.1',
    '1.2.3.4.5',
    ' 192.0.2.7',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    '[::1]',
    '::ffff:256.0.0.1',
    'localhost',
  ])('is not %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined()
    expect(inSomeCidr(['0.0.0.0/0', '::/0'], text)).toBe(false)
  })
})

describe('a block', () => {
  test('holds just the addresses that the operating system says it holds', () => {
    const block = fc.oneof(
      fc.tuple(v4, fc.nat(32)).map(([text, bits]) => maskedBlock(text, bits)),
      fc.tuple(v6, fc.nat(128)).map(([text, bits]) => maskedBlock(text, bits)),
    )
    const nearby = fc
      .tuple(block, address, fc.nat(160))
      .map(([cidr, other, bits]) => ({ cidr, text: within(cidr, other, bits) }))
    fc.assert(
      fc.property(nearby, ({ cidr, text }) => {
        const [network = '', bits = ''] = cidr.split('/')
        const list = new BlockList()
        list.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6')
        const plain = canonicalAddress(text) ?? ''
        // A block of IPv6 holds no IPv4 address, however it is written; the operating system's list says it does.
        const expected =
          isIP(plain) === isIP(canonicalAddress(network) ?? '') && list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
        expect(inSomeCidr([cidr], text)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  test('with host bits is none, and holds nothing: CIDR with host bits', () => {
    for (const cidr of ['192.0.2.7/24', '10.0.0.1/8', '2001:db8::1/32', '::ffff:192.0.2.7/120', '::ffff:0:0/64']) {
      expect(canonicalCidr(cidr)).toBeUndefined()
      expect(inSomeCidr([cidr], cidr.split('/')[0] ?? '')).toBe(false)
    }
  })

  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical)
    expect(canonicalCidr(canonical)).toBe(canonical)
  })

  test.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8 ',
    '10/8',
    '::/129',
    '::/',
    '*',
    'fe80::%eth0/64',
    '0.0.0.0/0.0.0.0',
  ])('is not %j', (text) => {
    expect(canonicalCidr(text)).toBeUndefined()
  })

  test('of IPv6 holds no IPv4 address, in whatever spelling, and the other way round', () => {
    expect(inSomeCidr(['::/0'], '192.0.2.7')).toBe(false)
    expect(inSomeCidr(['::/0'], '::ffff:192.0.2.7')).toBe(false)
    expect(inSomeCidr(['0.0.0.0/0'], '::1')).toBe(false)
    expect(inSomeCidr(['0.0.0.0/0'], '::ffff:192.0.2.7')).toBe(true)
    expect(inSomeCidr(['::ffff:192.0.2.0/120'], '192.0.2.7')).toBe(true)
  })

  test('whatever is written, there is an answer', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.string({ unit: 'binary' }), (cidrs, text) => {
        inSomeCidr(cidrs, text)
        canonicalCidr(text)
      }),
    )
  })
})

describe('two blocks', () => {
  test('one holds the other when it holds the first of its addresses and is not longer', () => {
    const blocks = fc.tuple(v6, v6, fc.integer({ min: 0, max: 128 }), fc.integer({ min: 0, max: 128 }))
    fc.assert(
      fc.property(blocks, ([one, two, few, many]) => {
        const outer = maskedBlock(one, few)
        const inner = maskedBlock(within(outer, two, few), many)
        const isHeld = few <= many && inSomeCidr([outer], inner.split('/')[0] ?? '')
        expect(cidrHolds(outer, inner)).toBe(isHeld)
        expect(cidrsOverlap(inner, outer)).toBe(isHeld || cidrHolds(inner, outer))
        const read = [readBlock(inner), readBlock(outer)] as const
        expect(read[0] && read[1] && blocksOverlap(read[0], read[1])).toBe(cidrsOverlap(inner, outer))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['fd00::/8', 'fd00:1::/48', true],
    ['fd00:1::/48', 'fd00::/8', false],
    ['fd00:1::/48', 'fd00:2::/48', false],
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['::/0', '10.0.0.0/8', false],
    ['fd00:1::/48', 'nonsense', false],
    ['nonsense', 'nonsense', false],
  ])('%s holds %s: %s', (outer, inner, holds) => {
    expect(cidrHolds(outer, inner)).toBe(holds)
  })
})

/** The block of so many bits that an address lies in. */
function maskedBlock(text: string, bits: number): string {
  const parsed = ipaddr.parse(text)
  const [, network] = [parsed, parsed.toByteArray().map((byte, index) => byte & maskByte(bits - index * 8))]
  return `${ipaddr.fromByteArray(network).toString()}/${bits}`
}

/** An address that agrees with the block's in its first so many bits, and is another one behind them. */
function within(cidr: string, other: string, bits: number): string {
  const network = ipaddr.parse(cidr.split('/')[0] ?? '').toByteArray()
  const rest = ipaddr.parse(other).toByteArray()
  if (rest.length !== network.length) return other
  const bytes = network.map((byte, index) => {
    const mask = maskByte(bits - index * 8)
    return (byte & mask) | ((rest[index] ?? 0) & ~mask & 0xff)
  })
  const text = ipaddr.fromByteArray(bytes).toString()
  return isIPv4(text) || isIPv6(text) ? text : other
}

const maskByte = (bits: number): number => (0xff << (8 - Math.min(8, Math.max(0, bits)))) & 0xff
