import { randomUUID } from 'node:crypto'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerState, TrustMode, type PeerSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, partly, refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { leadGovernance } from '../governance/governance-loop.ts'
import { livenessDatabase } from '../operations/testing.ts'
import * as freshness from '../store/freshness.ts'
import * as listening from '../store/listening.ts'
import type { Tables } from '../store/tables.ts'
import { GOVERNANCE_CALLERS, governanceHandlers } from './governance.ts'

/** As peer-registry says it. */
type Peer = Exclude<MessageInitShape<typeof PeerSchema>, { $unknown?: unknown }>

const clock = new FakeClock()
const disclosure = { contact: 'ops', jurisdiction: 'CH', platformVersion: '1.4.2', releaseTag: 'v1.4.2' }
const ago = (ms: number) => new Date(clock.now().getTime() - ms)
const DAY = 86_400_000

let peers: Peer[]
let feedPeers: Map<string, WatchedPeer>
/** How many bytes of peers one answer holds; a wider page is refused as the transport refuses it. */
let widest: number
let pages: number[]
let down: Set<string>
let database: TestDatabase<Tables>
let deps: GovernanceDeps
let door: ReturnType<typeof startTestServer>

const OTHERS: {
  residency: Partial<ServiceImpl<typeof ResidencyService>>
  authority: Partial<ServiceImpl<typeof CertificateAuthorityService>>
  notices: Partial<ServiceImpl<typeof NoticeService>>
  ledger: Partial<ServiceImpl<typeof AuditLedgerService>>
  versions: Partial<ServiceImpl<typeof VersionService>>
} = {
  residency: {
    getResidencyRules: () => ({
      rules: { regions: [{ name: 'eu' }, { name: 'eu-west', parent: 'eu' }, { name: 'us' }] },
    }),
    listResidencies: () =>
      answer('grant-authz', {
        residencies: peers.map(({ id, dataResidency }) => ({ peerId: id!, dataResidency: 'eu', declared: dataResidency ?? '' })).filter(({ declared }) => declared !== ''), // prettier-ignore
      }),
  },
  authority: {
    getAuthority: () => ({ trustDomain: 'a.example' }),
    listCertificates: ({ spiffeIds }) => ({
      certificates: spiffeIds.slice(1).map((id) => ({
        serial: '9',
        peerId: id.split('/').at(-1) ?? '',
        notBefore: timestampFromDate(ago(DAY)),
        notAfter: timestampFromDate(ago(-89 * DAY)),
      })),
    }),
  },
  notices: { listNotices: () => ({ notices: [] }) },
  ledger: {
    listAlarms: () =>
      answer('audit-ledger', {
        alarms: [{ peerId: peers[0]!.id!, kind: 'fork', whose: 'theirs', detail: 'two roots for 9' }],
      }),
  },
  versions: {
    listCompatibility: () => ({
      compatibilities: peers.map(({ id, disclosure: said }) => ({
        peerId: id!,
        status: said?.platformVersion === '3.0.0' ? 'incompatible' : 'compatible',
        localVersion: '1.4.2',
        remoteVersion: said?.platformVersion ?? '',
        source: 'implicit',
      })),
    }),
  },
}

function answer<T>(service: string, said: T): T {
  if (down.has(service)) throw new ConnectError('nobody is there', Code.Unavailable)
  return said
}

beforeEach(async () => {
  database = await livenessDatabase()
  ;[peers, feedPeers, widest, pages, down] = [[], new Map(), Infinity, [], new Set()]
  const transport = createRouterTransport(({ service }) => {
    service(
      PeerRegistryService,
      partly(PeerRegistryService, {
        getPlatform: () => ({
          platform: {
            platformId: 'a'.repeat(32),
            identityKey: new Uint8Array(32),
            trustDomain: 'a.example',
            disclosure,
            prefixAdvertisement: 'fdaa:1:1::/48',
            contractWindow: { min: 1, max: 1 },
          },
          contractSha256: 'ab'.repeat(32),
        }),
        listPeers({ pageSize, pageToken }) {
          const from = Number(pageToken || 0)
          if (pageSize > widest) throw new ConnectError('larger than what is read', Code.ResourceExhausted)
          pages.push(pageSize)
          const to = from + pageSize
          return answer('peer-registry', {
            peers: peers.slice(from, to),
            nextPageToken: to < peers.length ? String(to) : '',
          })
        },
      }),
    )
    service(ResidencyService, partly(ResidencyService, OTHERS.residency))
    service(CertificateAuthorityService, partly(CertificateAuthorityService, OTHERS.authority))
    service(NoticeService, partly(NoticeService, OTHERS.notices))
    service(AuditLedgerService, partly(AuditLedgerService, OTHERS.ledger))
    service(VersionService, partly(VersionService, OTHERS.versions))
  })
  deps = {
    db: database.db,
    clock,
    logger: createLogger('governance', { level: 'silent' }),
    metrics: createMetrics('governance'),
    owners: {
      registry: createClient(PeerRegistryService, transport),
      authority: createClient(CertificateAuthorityService, transport),
      notices: createClient(NoticeService, transport),
      versions: createClient(VersionService, transport),
      grants: createClient(GrantAuthzService, transport),
      residency: createClient(ResidencyService, transport),
      ledger: createClient(AuditLedgerService, transport),
    },
    feed: { peers: feedPeers, isComplete: () => true },
  }
  door = startTestServer(mount(GovernanceService, governanceHandlers(deps), GOVERNANCE_CALLERS))
})
afterEach(async () => {
  door.stop()
  await database.drop()
})

/** A peer with which nothing is wrong, told as peer-registry tells it, and heard a moment ago. */
async function known(said: Peer = {}, heardAgoMs = 1_000): Promise<string> {
  const id = randomUUID()
  peers.push({
    id,
    name: 'b',
    state: PeerState.ACTIVE,
    url: 'https://b.example',
    createdAt: timestampFromDate(ago(9 * DAY)),
    acceptedAt: timestampFromDate(ago(9 * DAY)),
    enrolledAt: timestampFromDate(ago(9 * DAY)),
    disclosure,
    contractVersion: 1,
    dataResidency: 'eu',
    prefixAdvertisement: `fdbb:1:${peers.length.toString(16)}::/48`,
    ...said,
  })
  await inTransaction(database.db, async (tx) => {
    await freshness.add(tx, [{ peerId: id, staleAfterMs: 300_000 }])
    const before = (await freshness.lock(tx, [id])).get(id)!
    const after = { ...before, lastHeardAt: ago(heardAgoMs), lastHeardByThemAt: ago(heardAgoMs) }
    await freshness.save(tx, [{ before, after }])
  })
  return id
}
const listen = (sinceMs: number) =>
  inTransaction(database.db, (tx) =>
    listening.save(tx, { since: ago(sinceMs), reason: 'started', tickedAt: clock.now() }, 10_000),
  )
const alice = () => door.clientAs(GovernanceService, { kind: 'operator', name: 'alice' })
const scan = async (peerId = '') => {
  const { findings, ...counts } = await alice().scanGovernance({ peerId })
  return { kinds: findings.map(({ kind }) => kind).toSorted(), ...counts }
}

test('nobody but those in the table gets in', async () => {
  await refusesEverybodyElse(GovernanceService, GOVERNANCE_CALLERS, door.clientAs)
})

test('a look asks the owners, says what it found, and lists it with its remedy', async () => {
  await listen(DAY)
  const silent = await known({}, 400_000)
  await known()
  await known({ disclosure: { ...disclosure, platformVersion: '3.0.0', releaseTag: '3.0.0' } })
  await known({ prefixAdvertisement: 'fdaa:1:1::/48' })
  expect(await scan()).toMatchObject({
    kinds: ['peer_heartbeat_stale', 'peer_schema_version_drift', 'prefix_overlap_with_install'],
    opened: 3,
    closed: 0,
    peers: 4,
    unread: [],
  })
  const { findings, scannedAt, unread } = await alice().listFindings({})
  expect(findings.map(({ severity }) => severity)).toEqual(['critical', 'medium', 'medium'])
  expect(findings.find(({ kind }) => kind === 'peer_heartbeat_stale')).toMatchObject({
    peerId: silent,
    waitingOn: 'them',
    remedy: `fedctl doctor peer ${silent}`,
    message: 'no heartbeat passes in either direction',
    payload: { status: 'active', stale_after_seconds: '300', remote_instance_url: 'https://b.example' },
  })
  expect([scannedAt, unread]).toEqual([timestampFromDate(clock.now()), []])
})

test('pages that are larger than an answer are asked for in smaller ones, and nobody is left out', async () => {
  await Promise.all([...Array(20)].map(() => known({ prefixAdvertisement: '' })))
  widest = 9
  expect(await scan()).toMatchObject({ kinds: [], peers: 20 })
  expect(pages).toEqual([8, 8, 8])
})

test('certificates that we signed are asked of peers that live on ours, and one without any is found', async () => {
  const [none, one] = await Promise.all([
    known({ trustMode: TrustMode.HIERARCHICAL }),
    known({ trustMode: TrustMode.HIERARCHICAL }),
  ])
  // The authority of this test knows a certificate of all but the first it is asked about.
  peers.sort((a) => (a.id === none ? -1 : 1))
  await known({ trustMode: TrustMode.HIERARCHICAL, certificateExpiresAt: timestampFromDate(clock.now()) })
  const { kinds } = await scan()
  const { findings } = await alice().listFindings({})
  expect([kinds, findings[0]?.peerId, one === none]).toEqual([['peer_cert_expired'], none, false])
})

test('certificates that end are known from the feed that liveness follows', async () => {
  const id = await known()
  const certificates = [{ certificate: 'leaf 1', notBefore: ago(80 * DAY), notAfter: ago(-10 * DAY) }]
  feedPeers.set(id, { peerId: id, certificates } as unknown as WatchedPeer) // what else the heart knows is of no matter
  expect((await scan()).kinds).toEqual(['peer_cert_expiring'])
})

test('a service that is down is named, what follows from it stays as it was, and the rest goes on', async () => {
  await listen(DAY)
  await known({ dataResidency: '' })
  expect(await scan()).toMatchObject({ kinds: ['peer_residency_missing'], opened: 1 })
  peers[0]!.dataResidency = 'eu'
  await known({ extensionSlugs: ['gpu'] })
  down.add('grant-authz').add('audit-ledger')
  expect(await scan()).toMatchObject({
    kinds: ['peer_capability_drift', 'peer_residency_missing'],
    opened: 1,
    closed: 0,
    unread: ['audit-ledger', 'grant-authz'],
  })
  const { commitments } = await alice().listCommitments({})
  expect(commitments.filter(({ result }) => result === 'unknown').map(({ number }) => number)).toEqual([5, 8])
  down.clear()
  expect(await scan()).toMatchObject({ kinds: ['peer_capability_drift'], closed: 1, unread: [] })
})

test('without peer-registry nothing opens, nothing closes, and it is said', async () => {
  await known({ dataResidency: '' })
  await scan()
  down.add('peer-registry')
  expect(await scan()).toMatchObject({ kinds: ['peer_residency_missing'], opened: 0, closed: 0, peers: 0, unread: ['peer-registry'] }) // prettier-ignore
  expect((await alice().listFindings({})).unread).toEqual(['peer-registry'])
})

test('when liveness has only just begun to listen, a silence that was found stays, and none is found', async () => {
  await listen(DAY)
  await known({}, 400_000)
  expect((await scan()).kinds).toEqual(['peer_heartbeat_stale'])
  await known({}, 400_000)
  await listen(1_000)
  expect(await scan()).toMatchObject({ kinds: ['peer_heartbeat_stale'], opened: 0, closed: 0 })
  await clock.advance(60_000) // three ticks and more in which nobody ticked: nobody can say that we listened
  expect(await scan()).toMatchObject({ opened: 0, closed: 0 })
})

test('one peer is looked at by the evidence of all, and a stranger is refused', async () => {
  const first = await known({ prefixAdvertisement: 'fdcc:1:1::/48', createdAt: timestampFromDate(ago(20 * DAY)) })
  const later = await known({ prefixAdvertisement: 'fdcc:1:1::/48' })
  expect(await scan(first)).toMatchObject({ kinds: [], peers: 1 })
  expect(await scan(later)).toMatchObject({ kinds: ['prefix_overlap_with_other_peer'], peers: 1 })
  await expectRefusal(alice().scanGovernance({ peerId: randomUUID() }), 'PEER_NOT_FOUND')
})

test('a peer that says its data is outside of where it has to stay breaks a commitment, and one that moved within it does not', async () => {
  await known({ dataResidency: 'eu-west' })
  const outside = await known({ dataResidency: 'us' })
  await known({ dataResidency: 'nowhere' })
  await scan()
  const { commitments } = await alice().listCommitments({})
  expect(commitments[7]).toMatchObject({ number: 8, result: 'broken' })
  expect(commitments[7]?.peerIds).toHaveLength(2)
  expect((await alice().listCommitments({ peerId: outside })).commitments[7]).toMatchObject({
    detail: 'data has to stay in eu, and it says that it is in us',
  })
})

test('findings come in pages, and a token that is none of ours is refused', async () => {
  await Promise.all([...Array(7)].map(() => known({ dataResidency: '' })))
  await scan()
  const all = (await alice().listFindings({})).findings.map(({ id }) => id)
  const paged: string[] = []
  for (let pageToken = ''; ;) {
    const page = await alice().listFindings({ pageSize: 3, pageToken })
    paged.push(...page.findings.map(({ id }) => id))
    pageToken = page.nextPageToken
    if (pageToken === '') break
  }
  expect([paged, paged.length]).toEqual([all, 7])
  for (const pageToken of ['x', Buffer.from('9 ' + randomUUID()).toString('base64url')])
    await expectRefusal(alice().listFindings({ pageToken }), 'PAGE_TOKEN_INVALID')
})

test('who acknowledges is named, and a rehearsal keeps nothing', async () => {
  await known({ dataResidency: '' })
  const id = (await alice().scanGovernance({})).findings[0]?.id ?? ''
  const { finding } = await alice().acknowledgeFinding({ id, note: 'on Monday', dryRun: true })
  expect(finding).toMatchObject({ acknowledgedBy: 'operator/alice', note: 'on Monday' })
  expect((await alice().listFindings({ unacknowledgedOnly: true })).findings).toHaveLength(1)
  await alice().acknowledgeFinding({ id, note: 'on Monday' })
  expect((await alice().listFindings({ unacknowledgedOnly: true })).findings).toEqual([])
  await expectRefusal(alice().acknowledgeFinding({ id: randomUUID(), note: 'x' }), 'FINDING_NOT_FOUND')
  await expectRefusal(alice().acknowledgeFinding({ id, note: '' }), 'REQUEST_INVALID')
})

test('the twelve are shown before anybody looked, after it, and as they stand to one peer', async () => {
  const before = await alice().listCommitments({})
  expect(before.commitments.map(({ result }) => result)).toEqual(Array(12).fill('unknown'))
  const [forked, honest] = [await known(), await known()]
  await scan()
  const { commitments, contractVersion, contractSha256 } = await alice().listCommitments({})
  expect([contractVersion, contractSha256]).toEqual([1, 'ab'.repeat(32)])
  expect(commitments.filter(({ result }) => result === 'broken')).toMatchObject([
    { number: 5, name: 'audit', peerIds: [forked], detail: 'b: fork of their log: two roots for 9' },
  ])
  const to = async (peerId: string) => (await alice().listCommitments({ peerId })).commitments[4]
  expect(await to(honest)).toMatchObject({ result: 'kept', peerIds: [], detail: '' })
  expect(await to(forked)).toMatchObject({ result: 'broken', peerIds: [forked] })
})

test('by itself it looks at once, and again each minute, and a fault ends nothing', async () => {
  const stopping = new AbortController()
  const looping = leadGovernance(deps, stopping.signal)
  const after = async () => {
    await clock.advance(15_000)
    return (await alice().listFindings({})).findings.map(({ kind }) => kind)
  }
  await expect.poll(async () => (await alice().listFindings({})).scannedAt).toBeDefined()
  await known({ dataResidency: '' })
  await expect.poll(after).toEqual(['peer_residency_missing'])
  peers[0]!.dataResidency = 'eu'
  await expect.poll(after).toEqual([])
  stopping.abort()
  await looping
  expect(await deps.metrics.registry.metrics()).toMatch(/fed_findings\{.*severity="low".*\} 0/)
})
