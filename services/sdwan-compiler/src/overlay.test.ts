import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { Refusal, refusalOf } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { readOverlay, type SaidOverlay } from './overlay.ts'

const publicKey = generateKeyPairSync('x25519')
  .publicKey.export({ format: 'der', type: 'spki' })
  .subarray(-32)
  .toString('base64')
const gateway = { publicKey, endpoint: '[2001:db8::7]:52820', address: 'fd02:0:1:1::1', asNumber: 4_200_000_007 }
const offer: SaidOverlay = {
  sequence: 3n,
  gateways: [gateway],
  advertise: ['fd02:0:1:1::/64'],
  presharedHalf: new Uint8Array(32).fill(7),
  withdrawn: false,
}
const refusal = (said: Partial<SaidOverlay>) => {
  try {
    readOverlay({ ...offer, ...said })
    return 'taken'
  } catch (error) {
    return refusalOf(error)?.message.replace('this offer cannot be taken: ', '')
  }
}
const withGateway = (some: Partial<typeof gateway>) => refusal({ gateways: [{ ...gateway, ...some }] })

test('an honest offer is taken as it is', () => {
  expect(readOverlay(offer)).toEqual({ sequence: 3, gateways: [gateway], advertise: offer.advertise, withdrawn: false })
})

test('of an offer that is withdrawn nothing else counts', () => {
  const said = { ...offer, withdrawn: true, advertise: ['rubbish'], presharedHalf: new Uint8Array(0) }
  expect(readOverlay(said)).toEqual({ sequence: 3, gateways: [], advertise: [], withdrawn: true })
})

test.each([
  ['host bits', { advertise: ['fd02:0:1:1::1/64'] }, 'fd02:0:1:1::1/64 is no ULA prefix in canonical form'],
  ['another spelling', { advertise: ['fd02:0:1:1:0::/64'] }, 'fd02:0:1:1:0::/64 is no ULA prefix in canonical form'],
  ['the whole internet', { advertise: ['::/0'] }, '::/0 is no ULA prefix in canonical form'],
  ['all ULA there are', { advertise: ['fd00::/8'] }, 'fd00::/8 is no ULA prefix in canonical form'],
  ['global addresses', { advertise: ['2001:db8::/48'] }, '2001:db8::/48 is no ULA prefix in canonical form'],
  ['half a half', { presharedHalf: new Uint8Array(16) }, 'its half of the preshared key has not 32 bytes'],
  ['a sequence beyond counting', { sequence: 2n ** 60n }, 'its sequence is beyond every count'],
  ['one gateway twice', { gateways: [gateway, gateway] }, 'two of its gateways have the same key'],
] as const)('%s: refused', (_what, said, message) => {
  expect(refusal(said)).toBe(message)
})

test.each([
  ['no endpoint', '', 'taken'],
  ['a name', 'gw.example.org:51820', 'taken'],
  ['IPv4', '192.0.2.7:51820', 'taken'],
  ['our own loopback', '127.0.0.1:51820', 'nobody is called at 127.0.0.1'],
  ['the loopback of IPv6', '[::1]:51820', 'nobody is called at ::1'],
  ['a link', '[fe80::1]:51820', 'nobody is called at fe80::1'],
  ['the metadata of a cloud', '169.254.169.254:80', 'nobody is called at 169.254.169.254'],
  ['everybody', '[ff02::1]:51820', 'nobody is called at ff02::1'],
  ['the tunnel itself', '[fd02:0:1:1::9]:51820', 'the endpoint of a gateway lies behind the tunnel itself'],
  ['our own loopback in hexadecimal', '0x7f000001:51820', 'the endpoint of a gateway is no host:port'],
  ['in parts', '127.0x1:51820', 'the endpoint of a gateway is no host:port'],
  ['as one number', '2130706433:51820', 'the endpoint of a gateway is no host:port'],
  ['a name with a number in it', '0x7f.example.org:51820', 'taken'],
  ['octal', '0177.0.0.1:51820', 'the endpoint of a gateway is no host:port'],
  ['no port', '192.0.2.7', 'the endpoint of a gateway is no host:port'],
  ['a port too far', '192.0.2.7:65536', 'the endpoint of a gateway is no host:port'],
  ['another line', 'gw.example.org:51820\nPrivateKey = x', 'the endpoint of a gateway is no host:port'],
  ['a hash', 'gw.example.org:51820 # x', 'the endpoint of a gateway is no host:port'],
  ['capitals', 'GW.example.org:51820', 'the endpoint of a gateway is no host:port'],
])('the endpoint is %s', (_what, endpoint, came) => {
  expect(withGateway({ endpoint })).toBe(came)
})

test('a gateway whose address is not of what is advertised is refused', () => {
  expect(withGateway({ address: 'fd03::1' })).toBe('the gateway fd03::1 lies in nothing that is advertised')
  expect(withGateway({ address: 'fd02:0:1:1:0:0:0:1' })).toBe('fd02:0:1:1:0:0:0:1 is no address in canonical form')
})

test('of a thousand hostile offers none is taken with a character that a script could read as its own', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...' \n\t;{}"\'\\#$`|&<>()=[]/:.,abcdef0123456789'), maxLength: 40 }),
    fc.constantFrom(
      'fd02::/48;drop',
      'fd02:0:1:1::/64\n[Peer]',
      '"; rm -rf /',
      '::ffff:1.2.3.4',
      'fd02::1%eth0',
      'x'.repeat(300),
    ),
  )
  const spoilt = fc.record({
    publicKey: fc.oneof(fc.constant(publicKey), hostile),
    endpoint: fc.oneof(
      fc.constant(gateway.endpoint),
      hostile,
      hostile.map((text) => `${text}:51820`),
    ),
    address: fc.oneof(fc.constant(gateway.address), hostile),
    asNumber: fc.nat(),
  })
  const said = fc.record({
    sequence: fc.bigInt(),
    gateways: fc.array(spoilt, { maxLength: 3 }),
    advertise: fc.array(
      fc.oneof(
        fc.constant('fd02:0:1:1::/64'),
        hostile,
        hostile.map((text) => `${text}/64`),
      ),
      { maxLength: 3 },
    ),
    presharedHalf: fc.constant(new Uint8Array(32)),
    withdrawn: fc.constant(false),
  })
  fc.assert(
    fc.property(said, (one) => {
      try {
        const { gateways, advertise } = readOverlay(one)
        for (const prefix of advertise) expect(prefix).toMatch(/^f[cd][0-9a-f:]*\/\d{2,3}$/)
        for (const { publicKey: key, endpoint = '', address } of gateways) {
          expect(key).toMatch(/^[A-Za-z0-9+/]{43}=$/)
          expect(endpoint).toMatch(/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}$|^$/)
          expect(address).toMatch(/^f[cd][0-9a-f:]*$/)
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
      }
    }),
    { numRuns: 1_000 },
  )
})
