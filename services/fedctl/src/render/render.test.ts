import { create } from '@bufbuild/protobuf'
import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { FeedEventSchema } from '@powernode/proto/powernode/audit/v1/event_pb.ts'
import { RotationSchema, RotationStep } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { FreshnessSchema } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import {
  InvitationPreviewSchema,
  PeerSchema,
  PeerState,
  WaitingOn,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { describe, expect, test } from 'vitest'
import type { Canvas } from '../output.ts'
import type { PeerView } from '../peer-view.ts'
import { eventLine } from './events.ts'
import { previewText } from './invitation.ts'
import { paint } from './paint.ts'
import { pasting } from './paste.ts'
import { peerSheet } from './peer-sheet.ts'
import { peerTable } from './peer-table.ts'
import { rotationText } from './rotation.ts'
import { age, span } from './time.ts'
import { what } from './what.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const canvas: Canvas = { now: NOW, to: paint(false), width: undefined, paste: pasting('') }
const ago = (ms: number): Timestamp => timestampFromDate(new Date(NOW.getTime() - ms))
const DAY = 86_400_000

const alone = { freshness: undefined, grants: [], certificates: [], shownUntil: undefined, events: [], unavailable: [] }

const active: PeerView = {
  ...alone,
  peer: create(PeerSchema, {
    id: '0198-b',
    name: 'org-b',
    state: PeerState.ACTIVE,
    reason: 'heard both ways',
    since: ago(7_500_000),
    waitingOn: WaitingOn.NOBODY,
    contractVersion: 1,
    trustDomain: 'b.test',
    enrolledAt: ago(DAY),
  }),
  freshness: create(FreshnessSchema, {
    hearing: 'both',
    lastHeardAt: ago(3_000),
    lastHeardByThemAt: ago(2_000),
    roundTrip: { nanos: 18_000_000 },
    epoch: 2n,
    sequence: 41n,
  }),
  grants: [
    create(GrantSchema, { resourceKind: 'node', scopes: ['read'], remoteSubject: 'ops@b', expiresAt: ago(-41 * DAY) }),
  ],
  shownUntil: ago(-41 * DAY),
  events: [
    create(FeedEventSchema, {
      kind: 'federation.peer.active',
      at: ago(7_500_000),
      severity: Severity.LOW,
      actor: 'service/liveness',
      peerId: '0198-b',
    }),
  ],
}

const degraded: PeerView = {
  ...alone,
  peer: create(PeerSchema, {
    id: '0198-c',
    name: 'org-c',
    state: PeerState.DEGRADED,
    reason: 'not heard from since 11:55',
    waitingOn: WaitingOn.THEM,
    contractVersion: 1,
    openItems: ['no reply on 8443 since 11:55', 'trust bundle 4 is not receipted'],
  }),
  freshness: create(FreshnessSchema, {
    hearing: 'they_hear_us',
    lastHeardAt: ago(252_000),
    lastHeardByThemAt: ago(1_000),
  }),
}

const proposed: PeerView = {
  ...alone,
  peer: create(PeerSchema, {
    id: '0198-d',
    name: 'org-d',
    state: PeerState.PROPOSED,
    reason: 'the invitation waits to be redeemed',
    waitingOn: WaitingOn.THEM,
  }),
}

test('the list of peers', () => {
  expect(peerTable([active, degraded, proposed], canvas).split('\n')).toEqual([
    'PEER   STATE     HEARD in/out  CERT  CONTRACT  GRANTS  RTT   OPEN ITEMS',
    'org-b  active    3s/2s         41d   1         1       18ms  -',
    'org-c  degraded  4m12s/1s      -     1         -       -     2: no reply on 8443 since 11:55; waits for them',
    'org-d  proposed  -             -     -         -       -     the invitation waits to be redeemed; waits for them',
  ])
})

test('a peering that ended and a new one with the same platform are told apart; to who is revoked no certificate is shown', () => {
  const revoked = { ...active, peer: { ...active.peer, id: '0198-a', state: PeerState.REVOKED } }
  const rows = peerTable([revoked, active, degraded], canvas).split('\n').slice(1)
  expect(rows.map((row) => row.split(/ {2,}/).slice(0, 4))).toEqual([
    ['org-b (0198-a)', 'revoked', '-', '-'],
    ['org-b (0198-b)', 'active', '3s/2s', '41d'],
    ['org-c', 'degraded', '4m12s/1s', '-'],
  ])
})

test('a terminal cuts the last column, a program never', () => {
  const narrow = peerTable([degraded], { ...canvas, width: 80 }).split('\n')
  expect(narrow[1]).toHaveLength(80)
  expect(narrow[1]).toMatch(/…$/)
})

test('no peers: the first command', () => {
  expect(peerTable([], canvas)).toBe('no peers yet; begin with: fedctl peer propose <url>')
})

test('one peer, what matters most on top', () => {
  expect(peerSheet(active, canvas).split('\n')).toEqual([
    'peer        org-b',
    'id          0198-b',
    'state       active',
    'reason      heard both ways',
    'since       2026-11-21 09:55:00 UTC, 2h5m ago',
    'waiting on  nobody',
    '',
    'Heartbeats',
    '  hearing        both ways',
    '  we heard them  3s ago',
    '  they heard us  2s ago',
    '  round trip     18ms',
    '  epoch          2, beat 41',
    '',
    'Who they are',
    '  trust domain  b.test',
    '',
    'Trust and contract',
    '  certificate we show  expires in 41d',
    '  contract             version 1',
    '  enrolled             2026-11-20 12:00:00 UTC',
    '',
    'Grants we gave',
    '  node/*  read  ops@b  expires in 41d',
    '',
    'Timeline',
    '  2026-11-21 09:55:00  federation.peer.active                service/liveness',
  ])
})

test('a service that did not answer is named, and the rest is shown', () => {
  const text = peerTable([{ ...proposed, unavailable: ['liveness: connection refused'] }], canvas)
  expect(text).toMatch(/org-d/)
  expect(text).toMatch(/1 service did not answer; what they know is missing here:\n {2}liveness: connection refused$/)
})

test('one direction that is silent is said in words', () => {
  expect(peerSheet(degraded, canvas)).toMatch(/hearing +they hear us, we do not hear them/)
})

test('an invitation says what would be refused', () => {
  const preview = create(InvitationPreviewSchema, {
    platformName: 'A',
    urls: ['https://a.test:8443'],
    contractWindow: { min: 2, max: 3 },
    expiresAt: ago(-DAY),
    problems: ['no contract version in common'],
  })
  const text = previewText(preview, canvas)
  expect(text).toMatch(/contract +none in common \(they speak 2 to 3\)/)
  expect(text).toMatch(/expires +2026-11-22 12:00:00 UTC \(in 1d\)/)
  expect(text).toMatch(/An accept would be refused:\n {2}- no contract version in common$/)
})

test('a rotation names everybody it waits for', () => {
  const rotation = create(RotationSchema, {
    id: 'r1',
    step: RotationStep.PUBLISHED,
    fromGeneration: 1,
    toGeneration: 2,
    bundleSequence: 4n,
    next: 'fedctl ca show',
    holders: [
      { holder: 'service/liveness', acknowledged: true },
      { holder: 'peer/p1', name: 'org-c', detail: 'offline since 11:55' },
    ],
  })
  expect(rotationText(rotation, canvas).split('\n')).toEqual([
    'rotation     r1',
    'step         published',
    'generation   1 → 2',
    'bundle       sequence 4',
    'waiting for  1 holder',
    'next         fedctl ca show',
    '',
    'HOLDER            NAME   TRUSTS BOTH  RENEWED  DETAIL',
    'service/liveness  -      yes          -        -',
    'peer/p1           org-c  not yet      -        offline since 11:55',
  ])
})

test('an event is one line', () => {
  expect(active.events.map((event) => eventLine(event, canvas))).toEqual([
    '2026-11-21 09:55:00  low       federation.peer.active                0198-b        by service/liveness',
  ])
})

describe('what comes from elsewhere', () => {
  test('cannot command the terminal', () => {
    const hostile = create(PeerSchema, { ...proposed.peer, name: 'x\u001b[2J\u009b31m', reason: 'a\r\u202eb' })
    const view = { ...proposed, peer: hostile }
    for (const text of [peerTable([view], canvas), peerSheet(view, canvas)])
      expect(text).not.toMatch(/[\u001b\u009b\r\u202e]/)
  })

  test('colours are ours, and only where they are wanted', () => {
    const colourful = { ...canvas, to: paint(true) }
    expect(peerTable([active], colourful)).toContain('\u001b[32mactive\u001b[39m')
    expect(peerTable([active], canvas)).not.toContain('\u001b')
  })
})

test('spans are short and say what counts', () => {
  expect([18, 3_000, 252_000, 7_500_000, 41 * DAY, 6 * DAY + 23 * 3_600_000, -5_000].map(span)).toEqual([
    '18ms',
    '3s',
    '4m12s',
    '2h5m',
    '41d',
    '6d23h',
    '-5s',
  ])
  expect(age(timestampFromDate(new Date(NOW.getTime() + 400)), NOW)).toBe('0s')
  expect(age(undefined, NOW)).toBe('-')
})

test('a payload in a few words', () => {
  expect(what({ move: 'accept', peer: { name: 'b' }, reason: 'the invitation was redeemed' })).toBe(
    'the invitation was redeemed',
  )
  expect(what({ invitation: { name: 'demo', status: 'open', id: 'x' } })).toBe('demo, open')
  expect(what({ peer: { name: 'b' }, changed: ['trust_receipt'] })).toBe('changed trust_receipt, b')
  expect(what(undefined)).toBe('-')
})
