import { describe, expect, test } from 'vitest'
import { SOURCES, type PeerEvidence, type Source } from './evidence.ts'
import { find } from './find.ts'
import { FINDING_KINDS } from './finding.ts'
import { NEEDS, RULES } from './rules.ts'
import { ago, ahead, aPeer, DAY, evidenceOf, MINUTE, NOW } from './testing.ts'

const said = (...peers: readonly PeerEvidence[]) =>
  find(evidenceOf(peers), NOW).found.map(({ kind, severity, waitingOn }) => `${kind} ${severity} ${waitingOn}`)
const heard = (theirsAgo: number | null, oursAgo: number | null) => ({
  ...aPeer().freshness!,
  lastHeardAt: theirsAgo === null ? null : ago(theirsAgo),
  lastHeardByThemAt: oursAgo === null ? null : ago(oursAgo),
})
const cert = (name: string, lifeMs: number, leftMs: number) => ({
  certificate: name,
  notBefore: ahead(leftMs - lifeMs),
  notAfter: ahead(leftMs),
})
const compatibility = (status: string, remoteVersion: string) => ({
  ...aPeer().compatibility!,
  status,
  remoteVersion,
  notes: 'why',
})
const undisclosed = { ...aPeer().disclosure, platformVersion: '' }
const incompatible = compatibility('incompatible', '3.0.0')

test('of a peering with which nothing is wrong nothing is found', () => {
  expect(said(aPeer(), aPeer({ prefix: '' }), aPeer({ state: 'proposed', freshness: undefined, prefix: '' }))).toEqual(
    [],
  )
})

/** The table of the source documents: what a peer is like, and what is found of it. */
const TABLE: readonly (readonly [what: string, peer: Partial<PeerEvidence>, found: string | undefined])[] = [
  ['advertises our own /48', { prefix: 'fdaa:1:1::/48' }, 'prefix_overlap_with_install critical them'],
  ['advertises a /64 of it, in capitals', { prefix: 'FDAA:1:1:7::/64' }, 'prefix_overlap_with_install critical them'],
  ['writes our /48 with zeros', { prefix: 'fdaa:0001:0001::/48' }, 'prefix_overlap_with_install critical them'],
  ['advertises the next /48', { prefix: 'fdaa:1:2::/48' }, undefined],
  ['advertises nonsense', { prefix: 'fd:::::/48' }, undefined],
  ['advertises our /48 and is revoked', { prefix: 'fdaa:1:1::/48', state: 'revoked' }, undefined],
  ['is a network with our /48', { prefix: 'fdaa:1:1::/48', kind: 'sdwan_only', state: 'accepted', enrolledAt: undefined }, 'prefix_overlap_with_install critical them'], // prettier-ignore

  ['was accepted long ago, and waits for them', { state: 'accepted', enrolledAt: undefined, waitingOn: 'them' }, 'stale_accepted_without_handshake medium them'], // prettier-ignore
  ['was accepted just now', { state: 'accepted', enrolledAt: undefined, acceptedAt: ago(MINUTE) }, undefined],
  ['was accepted without ever signing', { state: 'accepted', enrolledAt: undefined, acceptedAt: undefined }, 'stale_accepted_without_handshake medium us'], // prettier-ignore
  ['is a network that stops at accepted', { state: 'accepted', kind: 'sdwan_only', enrolledAt: undefined }, undefined],
  ['is a network that never signed', { state: 'accepted', kind: 'sdwan_only', enrolledAt: undefined, acceptedAt: undefined }, 'stale_accepted_without_handshake medium us'], // prettier-ignore

  ['has let all its roots end', { certificates: [cert('root a', 90 * DAY, -DAY)] }, 'expired_trust high them'],
  ['has one root left of two', { certificates: [cert('root a', 90 * DAY, -DAY), cert('root b', 900 * DAY, 800 * DAY)] }, undefined], // prettier-ignore
  ['was revoked when its roots had ended', { state: 'revoked', certificates: [cert('root a', 90 * DAY, -DAY)] }, undefined], // prettier-ignore

  ['is silent', { freshness: heard(6 * MINUTE, 6 * MINUTE) }, 'peer_heartbeat_stale medium them'],
  ['is heard and does not hear us', { freshness: heard(MINUTE, 6 * MINUTE) }, 'peer_heartbeat_stale medium them'],
  ['hears us and is not heard', { freshness: heard(6 * MINUTE, MINUTE) }, 'peer_heartbeat_stale medium them'],
  ['is enrolled and was never heard', { state: 'enrolled', freshness: heard(null, null) }, 'peer_heartbeat_stale medium them'], // prettier-ignore
  ['is enrolled since a minute and was never heard', { state: 'enrolled', enrolledAt: ago(MINUTE), freshness: heard(null, null) }, undefined], // prettier-ignore
  ['is silent and degraded for it', { state: 'degraded', freshness: heard(DAY, DAY) }, 'peer_heartbeat_stale medium them'], // prettier-ignore
  ['is silent, and suspended', { state: 'suspended', freshness: heard(DAY, DAY) }, undefined],

  ['names extensions and no capability', { extensionSlugs: ['gpu'] }, 'peer_capability_drift medium them'],
  ['names extensions and what they can do', { extensionSlugs: ['gpu'], capabilities: ['gpu'] }, undefined],

  ['has not said where its data is', { declaredResidency: '' }, 'peer_residency_missing low us'],
  ['has not said, and we have', { declaredResidency: '', residency: { tag: 'eu', declared: '', isOutside: false } }, undefined], // prettier-ignore
  ['has not said, and never worked', { declaredResidency: '', state: 'enrolled' }, undefined],

  ['has not said its version', { disclosure: undisclosed, compatibility: incompatible }, 'peer_schema_version_missing low them'], // prettier-ignore
  ['runs too new a version', { compatibility: incompatible }, 'peer_schema_version_drift medium us'],
  ['runs too old a version', { compatibility: compatibility('degraded', '0.9.0') }, 'peer_schema_version_drift medium them'], // prettier-ignore
  ['is degraded for its version', { state: 'degraded', compatibility: incompatible }, 'peer_schema_version_drift medium us'], // prettier-ignore

  ['signed for us what ends in 30 days', { certificates: [cert('leaf 1', 365 * DAY, 30 * DAY)] }, 'peer_cert_expiring medium us'], // prettier-ignore
  ['signed for us what ends in 31 days', { certificates: [cert('leaf 1', 365 * DAY, 31 * DAY)] }, undefined],
  ['signed for us what lives a day', { certificates: [cert('leaf 1', DAY, DAY / 2)] }, undefined],
  ['signed for us what lives a day and ends in 7 hours', { certificates: [cert('leaf 1', DAY, DAY * 0.3)] }, 'peer_cert_expiring medium us'], // prettier-ignore
  ['signed for us what ended', { certificates: [cert('leaf 1', DAY, 0)] }, 'peer_cert_expired high us'],
  ['has a root that ends in a week', { certificates: [cert('root a', 900 * DAY, 7 * DAY)] }, 'peer_cert_expiring medium them'], // prettier-ignore
  ['lives on ours and let it end', { signedByUs: true }, 'peer_cert_expired high them'],
  ['may be silent for a day', { staleAfterMs: DAY }, 'peer_patience_long low us'],
  ['may be silent for three times as long as we propose', { staleAfterMs: 15 * MINUTE }, undefined],
  ['may be silent for a day, and is revoked', { staleAfterMs: DAY, state: 'revoked' }, undefined],
  ['lives on ours', { signedByUs: true, certificates: [cert('signed 9', 90 * DAY, 60 * DAY)] }, undefined],
]

describe('a peer that', () => {
  test.each(TABLE)('%s', (_, peer, found) => {
    expect(said(aPeer(peer))).toEqual(found === undefined ? [] : [found])
  })
})

test('every kind of the source documents is in the table, with the severity they give it', () => {
  const found = new Set(TABLE.map(([, , kind]) => kind?.split(' ')[0]))
  expect(FINDING_KINDS.filter((kind) => !found.has(kind))).toEqual(['prefix_overlap_with_other_peer'])
  expect(Object.fromEntries(FINDING_KINDS.map((kind) => [kind, RULES[kind].severity]))).toEqual({
    prefix_overlap_with_install: 'critical',
    prefix_overlap_with_other_peer: 'high',
    stale_accepted_without_handshake: 'medium',
    expired_trust: 'high',
    peer_heartbeat_stale: 'medium',
    peer_capability_drift: 'medium',
    peer_residency_missing: 'low',
    peer_schema_version_missing: 'low',
    peer_schema_version_drift: 'medium',
    peer_cert_expiring: 'medium',
    peer_cert_expired: 'high',
    peer_patience_long: 'low',
  })
})

test('of two peers that advertise one /48 who came later is named, whatever the order they are listed in', () => {
  const first = aPeer({ name: 'first', prefix: 'fdcc:1:1::/48', createdAt: ago(9 * DAY) })
  const later = aPeer({ name: 'later', prefix: 'fdcc:1:1:1::/64', createdAt: ago(8 * DAY) })
  const over = aPeer({ prefix: 'fdcc:1:1::/48', createdAt: ago(10 * DAY), state: 'revoked' })
  for (const peers of [
    [first, later, over],
    [later, over, first],
  ]) {
    // prettier-ignore
    const { found } = find(evidenceOf(peers), NOW)
    expect(found).toMatchObject([
      {
        kind: 'prefix_overlap_with_other_peer',
        severity: 'high',
        peerId: later.peerId,
        about: first.peerId,
        payload: { other_peer_id: first.peerId, remote_prefix_advertisement: 'fdcc:1:1:1::/64', status: 'active' },
      },
    ])
    expect(found[0]?.message).toContain('first')
  }
})

test('a finding says in its payload what the source documents say, and what is not known is left out', () => {
  const [found] = find(evidenceOf([aPeer({ declaredResidency: '', prefix: 'fdbb:1:1::/48' })]), NOW).found
  expect(found?.payload).toEqual({
    remote_instance_url: 'https://b.example',
    remote_prefix_advertisement: 'fdbb:1:1::/48',
    status: 'active',
    signed_at: ago(9 * DAY).toISOString(),
  })
})

test('what needs a service that did not answer is not judged by what it did not say', () => {
  const peer = aPeer({ declaredResidency: '', compatibility: incompatible, signedByUs: true, certificates: [] })
  const kinds = ['peer_residency_missing', 'peer_schema_version_drift', 'peer_cert_expired'] as const
  expect(find(evidenceOf([peer]), NOW).found.map(({ kind }) => kind)).toEqual(kinds)
  expect(kinds.map((kind) => NEEDS[kind])).toEqual([
    ['peers', 'residencies'],
    ['peers', 'versions'],
    ['peers', 'certificates', 'certificateEnds'],
  ])
  for (const needs of Object.values(NEEDS)) for (const source of needs) expect(Object.keys(SOURCES)).toContain(source)
})

test('while we have not listened for long enough nobody is called silent, and nobody is called heard either', () => {
  const [silent, fine] = [aPeer({ freshness: heard(DAY, DAY) }), aPeer()]
  const deaf = find(evidenceOf([silent, fine], { listeningSince: ago(MINUTE) }), NOW)
  expect(deaf.found).toEqual([])
  expect([...deaf.unsure]).toEqual([`peer_heartbeat_stale ${silent.peerId}`])
  const listening = find(evidenceOf([silent, fine], { listeningSince: ago(5 * MINUTE) }), NOW)
  expect(listening.found.map(({ peerId }) => peerId)).toEqual([silent.peerId])
})

test('the same evidence says the same twice, and every remedy names a command or an act', () => {
  const peers = TABLE.map(([, peer]) => aPeer(peer))
  const sources = Object.keys(SOURCES) as Source[] // the keys of the table
  expect(find(evidenceOf(peers), NOW)).toEqual(find(evidenceOf(peers), NOW))
  for (const { remedy, message } of find(evidenceOf(peers), NOW).found) {
    expect(remedy.length).toBeGreaterThan(10)
    expect(message).not.toMatch(/undefined|\[object/)
  }
  expect(find(evidenceOf(peers, { unread: new Set(sources) }), NOW)).toBeDefined()
})
