import { expect, test } from 'vitest'
import { expectRefusal } from '../testing.ts'
import { checkAddress, DEFAULT_ADDRESS_POLICY, kindOfAddress } from './address-policy.ts'
import { resolveEndpoint } from './resolve-endpoint.ts'

test.each([
  ['93.184.216.34', 'public'],
  ['2606:4700::1111', 'public'],
  ['10.1.2.3', 'private'],
  ['192.168.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['100.64.0.1', 'private'],
  ['fd12:3456::1', 'private'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['2002:7f00:1::', 'loopback'],
  ['169.254.1.1', 'link-local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['::ffff:169.254.1.1', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['64:ff9b::a9fe:a9fe', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'multicast'],
  ['ff02::1', 'multicast'],
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['::', 'unspecified'],
  ['192.0.2.1', 'reserved'],
  ['240.0.0.1', 'reserved'],
  ['2001::1', 'reserved'],
  ['fec0::1', 'reserved'],
  ['not an address', 'reserved'],
])('%s is %s', (address, kind) => expect(kindOfAddress(address)).toBe(kind))

test('public and private addresses may be called unless the platform says otherwise', () => {
  expect(checkAddress('10.0.0.1', DEFAULT_ADDRESS_POLICY)).toBe('10.0.0.1')
  expect(() => checkAddress('127.0.0.1', DEFAULT_ADDRESS_POLICY)).toThrow('loopback')
  expect(checkAddress('127.0.0.1', { allow: ['loopback'] })).toBe('127.0.0.1')
  expect(() => checkAddress('10.0.0.1', { allow: ['public'] })).toThrow('private')
})

test('an address is dialled in the spelling that was judged', () => {
  expect(checkAddress('::ffff:10.0.0.1', DEFAULT_ADDRESS_POLICY)).toBe('10.0.0.1')
})

test('a name is resolved by us, and refused when any of its addresses is forbidden', async () => {
  const lookup = (answers: string[]) => () => Promise.resolve(answers)
  const good = await resolveEndpoint(
    'https://b.example:8443',
    DEFAULT_ADDRESS_POLICY,
    lookup(['10.0.0.1', '2606:4700::1111']),
  )
  expect(good).toEqual({ host: 'b.example', port: 8443, addresses: ['10.0.0.1', '2606:4700::1111'] })
  const mixed = resolveEndpoint('https://b.example', DEFAULT_ADDRESS_POLICY, lookup(['93.184.216.34', '127.0.0.1']))
  await expectRefusal(mixed, 'URL_FORBIDDEN')
  await expectRefusal(resolveEndpoint('https://b.example', DEFAULT_ADDRESS_POLICY, lookup([])), 'PEER_UNREACHABLE')
})

test.each([
  ['there is no such name', 'ENOTFOUND'],
  ['there is no such name', 'ENODATA'],
  ['no name service answered (EAI_AGAIN)', 'EAI_AGAIN'],
])('a name that is not resolved says whose it is to mend: %s', async (why, code) => {
  const lookup = () => Promise.reject(Object.assign(new Error('from the system'), { code }))
  const refusal = await expectRefusal(
    resolveEndpoint('https://b.example', DEFAULT_ADDRESS_POLICY, lookup),
    'PEER_UNREACHABLE',
  )
  expect(refusal.message).toBe(`b.example cannot be resolved: ${why}`)
})

test.each(['https://127.1', 'https://0x7f.0.0.1', 'https://2130706433', 'https://[::1]', 'https://[::ffff:127.0.0.1]'])(
  '%s is loopback however it is spelt',
  async (url) => {
    const refusal = await expectRefusal(resolveEndpoint(url, DEFAULT_ADDRESS_POLICY), 'URL_FORBIDDEN')
    expect(refusal.metadata['kind']).toBe('loopback')
  },
)

test.each(['http://b.example', 'https://user:pw@b.example', 'b.example', ''])(
  '%j is no URL of a platform',
  async (url) => {
    const refusal = await expectRefusal(resolveEndpoint(url, DEFAULT_ADDRESS_POLICY), 'URL_INVALID')
    expect(JSON.stringify(refusal)).not.toContain('pw')
  },
)
