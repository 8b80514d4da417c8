import { expect, test } from 'vitest'
import type { Tunnel } from './checked/check-state.ts'
import { carriedBy, renderConfig } from './back-ends/wireguard.ts'
import { chosenOf, Standbys } from './failover.ts'
import { Heard } from './heard.ts'

const GROUP = { prefixes: ['fd00:aa::/64'], peers: ['one', 'two', 'three'].map((publicKey) => ({ publicKey, address: 'fe80::1' })) } // prettier-ignore
const among =
  (...keys: string[]) =>
  (key: string) =>
    keys.includes(key)

test.each<[string | undefined, string[], string[], string, string]>([
  // carries, is there, has been there for long, is chosen
  ['one', ['one', 'two'], ['one', 'two'], 'one', 'the first goes on while it is there'],
  ['one', ['two', 'three'], [], 'two', 'the next takes over'],
  ['one', ['three'], [], 'three', 'or the one after it'],
  ['two', ['one', 'two'], [], 'two', 'one that has just come back is not trusted yet'],
  ['two', ['one', 'two'], ['one'], 'one', 'and then it is'],
  ['two', [], [], 'two', 'when nobody is there, nothing is moved'],
  [undefined, [], [], 'one', 'as it was compiled, the first carries'],
  ['gone', ['two'], [], 'two', 'a peer that is no more carries nothing'],
])('%s carries, %j are there, %j for long: %s, since %s', (carries, fresh, back, chosen) => {
  expect(chosenOf(GROUP, { carries, isFresh: among(...fresh), isBack: among(...back) })).toBe(chosen)
})

const at = (seconds: number): Date => new Date(seconds * 1_000)
const live = (rxBytes: number, handshakeAt = 0) => ({
  publicKey: '',
  listenPort: 1,
  peers: [
    { publicKey: 'one', allowedIps: [], presharedKey: '', keepaliveSeconds: 25, handshakeAt, rxBytes, txBytes: 0 },
  ],
})

test('a peer is there while something comes in, and silent after that; nobody is silent who was not listened to', () => {
  const heard = new Heard(at(1_000))
  expect(heard.isFresh('one', at(1_020), 30_000)).toBe(true)
  expect(heard.isFresh('one', at(1_031), 30_000)).toBe(false)
  heard.note(live(0), at(1_000))
  heard.note(live(100), at(1_010))
  heard.note(live(100), at(1_035))
  expect(heard.isFresh('one', at(1_035), 30_000)).toBe(true)
  expect(heard.isFresh('one', at(1_041), 30_000)).toBe(false)
})

test('a peer that was given up is back once it is heard of anew, and not before it is heard of at all', () => {
  const heard = new Heard(at(1_000))
  heard.note(live(0), at(1_000))
  heard.note(live(100), at(1_010))
  heard.gone('one', at(1_020))
  heard.note(live(100), at(1_025))
  // What it was heard of before does not count: prefixes would go back to the dead.
  expect(heard.isBack('one', at(1_025), 10_000)).toBe(false)
  heard.note(live(200), at(1_030))
  expect(heard.isBack('one', at(1_030), 10_000)).toBe(false)
  heard.note(live(300), at(1_035))
  expect(heard.isBack('one', at(1_035), 10_000)).toBe(true)
  // Silent again, and nobody has said so yet.
  expect(heard.isBack('one', at(1_050), 10_000)).toBe(false)
})

test('a peer that comes and goes is trusted later each time, until it has been there for long', () => {
  const heard = new Heard(at(0))
  let rx = 0
  /** Gone at a moment, and heard of from then on: after how many seconds it is back. */
  const backAfter = (from: number): number => {
    heard.gone('one', at(from))
    for (let after = 0; ; after += 5) {
      heard.note(live((rx += 100)), at(from + after))
      if (heard.isBack('one', at(from + after), 10_000)) return after
    }
  }
  heard.note(live(rx), at(0))
  expect([100, 200, 300, 400].map(backAfter)).toEqual([5, 10, 20, 35])
  expect(backAfter(2_000)).toBe(5)
})

const tunnel: Tunnel = {
  name: 'wg-abcdefgh2345',
  mtu: 1_420,
  listenPort: 51_820,
  addresses: [],
  publicKey: '',
  vrf: undefined,
  routes: [],
  presharedKeys: new Map([['two', 'psk']]),
  peers: ['one', 'two', 'three'].map((publicKey) => ({ publicKey, keepaliveSeconds: 25, allowedIps: [`fe80::${publicKey.length}/128`, ...(publicKey === 'one' ? GROUP.prefixes : [])], endpoint: { host: publicKey === 'three' ? 'hub.example' : '192.0.2.1', port: 1 } })), // prettier-ignore
  standby: [GROUP],
}

test('what has moved is in the configuration too: applying anew does not move it back', () => {
  const standbys = new Standbys()
  standbys.set(tunnel.name, new Map([['fd00:aa::/64', 'two']]))
  const moves = standbys.movesOf(tunnel)
  expect(carriedBy(tunnel, moves).get('one')).toEqual(['fe80::3/128'])
  expect(carriedBy(tunnel, moves).get('two')).toEqual(['fe80::3/128', 'fd00:aa::/64'])
  const text = renderConfig(tunnel, { key: { privateKey: 'k', publicKey: 'p' }, resolved: new Map(), moves })
  expect(text).toContain('PublicKey = two\nPresharedKey = psk\nAllowedIPs = fe80::3/128, fd00:aa::/64\n')
  // A name that nobody knows leaves its peer without an endpoint, and the others as they are.
  expect(text.match(/^Endpoint/gm)).toHaveLength(2)
})

test('a version that knows the other peer no more takes its prefixes back', () => {
  const standbys = new Standbys()
  standbys.set(tunnel.name, new Map([['fd00:aa::/64', 'two']]))
  const peers = GROUP.peers.filter(({ publicKey }) => publicKey !== 'two')
  expect(standbys.movesOf({ ...tunnel, standby: [{ ...GROUP, peers }] })).toEqual(new Map())
})
