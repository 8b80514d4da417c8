import { expect, test } from 'vitest'
import { check, COMMITMENTS } from './commitments.ts'
import type { Evidence, Notice, PeerEvidence } from './evidence.ts'
import { find } from './find.ts'
import { ago, ahead, aPeer, DAY, evidenceOf, MINUTE, NOW } from './testing.ts'

function checked(peers: readonly PeerEvidence[], said: Partial<Evidence>) {
  const evidence = evidenceOf(peers, said)
  return check(evidence, { now: NOW, found: find(evidence, NOW).found })
}
const standing = (peers: readonly PeerEvidence[], said: Partial<Evidence> = {}) =>
  Object.fromEntries(checked(peers, said).map(({ number, result }) => [number, result]))
/** The one commitment that is broken, with whom, and in which words. */
function broken(peers: readonly PeerEvidence[], said: Partial<Evidence> = {}) {
  const found = checked(peers, said).filter(({ result }) => result === 'broken')
  return found.map(({ number, detail, breaches }) => ({
    number,
    detail,
    peerIds: breaches.map(({ peerId }) => peerId),
  }))
}
const notice = (said: Partial<Notice>): Notice => ({
  id: 'n',
  kind: 'compromise',
  direction: 'sent',
  peerId: '',
  discoveredAt: ago(2 * DAY),
  receivedAt: undefined,
  dueAt: ago(DAY),
  lastDeliveredAt: undefined,
  owed: 0,
  givenUp: 0,
  ...said,
})

test('there are twelve, in the order of the contract, and each says what is checked or that no machine can', () => {
  expect(COMMITMENTS.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  for (const { checked, look } of COMMITMENTS) expect(checked.startsWith('cannot be checked')).toBe(!look)
})

test('with peers with which nothing is wrong what can be checked is kept', () => {
  const result = standing([aPeer(), aPeer({ kind: 'sdwan_only', disclosure: NOTHING })])
  expect(result).toEqual({ 1: 'kept', 2: 'not_checkable', 3: 'kept', 4: 'kept', 5: 'kept', 6: 'kept', 7: 'not_checkable', 8: 'kept', 9: 'kept', 10: 'kept', 11: 'kept', 12: 'kept' }) // prettier-ignore
})

const NOTHING = { contact: '', jurisdiction: '', platformVersion: '', releaseTag: '' }
const DISCLOSED = aPeer().disclosure
const signed = { certificate: 'signed 9', notBefore: ago(DAY), notAfter: ahead(DAY) }

test.each<readonly [number, string, Partial<PeerEvidence>, string]>([
  [1, 'has not disclosed where it is', { disclosure: { ...DISCLOSED, jurisdiction: '' } }, 'jurisdiction'],
  [3, 'names extensions without capabilities', { extensionSlugs: ['gpu'] }, 'gpu'],
  [5, 'has a ledger that was forked', { alarms: [{ kind: 'fork', whose: 'their', at: NOW, detail: 'two roots' }] }, 'fork of their log: two roots'], // prettier-ignore
  [6, 'advertises our prefix', { prefix: 'fdaa:1:1::/48' }, 'fdaa:1:1::/48'],
  [8, 'has moved its data', { residency: { tag: 'eu', declared: 'us', isOutside: true } }, 'has to stay in eu'],
  [10, 'does not speak the agreed contract any more', { contractWindow: { min: 2, max: 3 } }, 'version 1 was agreed'],
  [10, 'runs a version that does not work with ours', { compatibility: { ...aPeer().compatibility!, status: 'incompatible', remoteVersion: '3.0.0' } }, '3.0.0'], // prettier-ignore
  [11, 'was revoked and still has our certificate', { state: 'revoked', certificates: [signed] }, 'still good'],
  [12, 'states another version than its release is called by', { disclosure: { ...DISCLOSED, releaseTag: 'v1.5.0' } }, 'v1.5.0'], // prettier-ignore
])('commitment %i is broken by a peer that %s', (number, _, said, words) => {
  const peer = aPeer(said)
  const [one, ...more] = broken([aPeer(), peer])
  expect({ ...one, more }).toMatchObject({ number, peerIds: [peer.peerId], more: [] })
  expect(one?.detail).toContain(words)
})

test('a release may have a name, and a version a build number, and neither is a lie', () => {
  const call = (platformVersion: string, releaseTag: string) => aPeer({ disclosure: { ...DISCLOSED, platformVersion, releaseTag } }) // prettier-ignore
  expect(broken([call('1.4.2', 'Gentle Heron'), call('1.4.2+b7', 'v1.4.2'), call('v1.4.2', '1.4.2')])).toEqual([])
})

test('we are held to the contract as our peers are', () => {
  const us = { ...evidenceOf([]).us, disclosure: { ...DISCLOSED, contact: '' } }
  expect(broken([aPeer()], { us })).toMatchObject([{ number: 1, peerIds: [''], detail: 'we: not disclosed: contact' }])
  const ownAlarms = [{ kind: 'rollback', whose: 'our', at: NOW, detail: 'shorter than before' }]
  expect(broken([], { ownAlarms })).toMatchObject([{ number: 5, detail: 'we: rollback: shorter than before' }])
})

test('a compromise is told within 24 hours, by us to all and by them to us', () => {
  expect(broken([], { notices: [notice({ owed: 0 }), notice({ owed: 3, dueAt: ahead(MINUTE) })] })).toEqual([])
  expect(broken([], { notices: [notice({ owed: 3 })] })).toMatchObject([{ number: 9, peerIds: [''] }])
  const inTime = notice({ lastDeliveredAt: ago(DAY) })
  expect(broken([], { notices: [inTime] })).toEqual([])
  const tooLate = notice({ lastDeliveredAt: ago(DAY - 1) })
  expect(broken([], { notices: [tooLate] }), 'told to all in the end').toMatchObject([{ number: 9, peerIds: [''] }])
  const late = aPeer()
  const received = notice({ direction: 'received', peerId: late.peerId, receivedAt: NOW })
  expect(broken([late], { notices: [received] })).toMatchObject([{ number: 9, peerIds: [late.peerId] }])
  expect(broken([late], { notices: [{ ...received, discoveredAt: ago(DAY) }] })).toEqual([])
})

test('whoever was revoked is told so within 24 hours', () => {
  const gone = aPeer({ state: 'revoked', certificates: [] })
  const owed = notice({ kind: 'revocation', peerId: gone.peerId, owed: 1 })
  expect(broken([gone], { notices: [owed] })).toMatchObject([{ number: 4, peerIds: [gone.peerId] }])
  expect(broken([gone], { notices: [{ ...owed, owed: 0, givenUp: 1 }] })).toEqual([])
})

test('of what could not be read it is never said that it is kept', () => {
  const unread = new Set(['versions', 'alarms'] as const)
  expect(standing([aPeer()], { unread })).toMatchObject({ 1: 'kept', 5: 'unknown', 10: 'unknown', 12: 'kept' })
  const nothing = standing([], { unread: new Set(['peers', 'notices'] as const) })
  expect(Object.values(nothing).filter((result) => result === 'kept')).toEqual([])
})

test('many breaches are told in few words', () => {
  const peers = [...Array(50)].map((_, at) => aPeer({ name: `p${at}`, disclosure: NOTHING }))
  const [one] = broken(peers)
  expect(one?.peerIds).toHaveLength(50)
  expect(one?.detail).toMatch(/^p0: .*; p1: .*; p2: .*; and 47 more$/)
})
