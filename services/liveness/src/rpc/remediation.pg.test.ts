import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect'
import { createGate } from '@powernode/approvals'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { RemediationService } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, partly, refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import { watchMetrics } from '../metrics/watch-metrics.ts'
import { announced, livenessDatabase } from '../operations/testing.ts'
import * as listening from '../store/listening.ts'
import type { Tables } from '../store/tables.ts'
import { REMEDIATION_CALLERS, remediationHandlers } from './remediation.ts'

const clock = new FakeClock()
const peerId = randomUUID()
const peer: WatchedPeer = {
  peerId,
  state: 'active',
  staleAfterMs: 300_000,
  versionStatus: 'compatible',
  heartbeatIntervalMs: 60_000,
  certificates: [],
  trustBundleSequence: 1n,
}
const description = create(PlatformDescriptionSchema, { platformId: 'a'.repeat(32) })
const feed: PeerFeed = {
  peers: new Map([[peerId, peer]]),
  local: () => ({ description, descriptionSha256: Buffer.alloc(32), trustBundleSequence: 1n }),
  isComplete: () => true,
  subscribe: () => {},
  follow: async () => {},
}

let database: TestDatabase<Tables>
let server: ReturnType<typeof startTestServer>
/** What our gateway says of the peer; undefined: it does not answer. */
let reachable: boolean | undefined
beforeEach(async () => {
  database = await livenessDatabase()
  reachable = false
  const { db } = database
  const gateway = createRouterTransport(({ service }) => {
    service(GatewayService, partly(GatewayService, { probePeer: () => probed() }))
    service(ApprovalService, partly(ApprovalService, {}))
  })
  const directory = {
    policyOf: () => ({ verb: 'notify_and_proceed', approvers: 1 }),
    autonomy: undefined,
    approvedFor: () => 0,
  }
  const approvals = createClient(ApprovalService, gateway)
  const parts = { db, clock, feed, roads: createClient(GatewayService, gateway), directory, approvals, tickMs: 10_000 }
  const logger = createLogger('test', { level: 'silent' })
  const metrics = watchMetrics(createMetrics('liveness'))
  const deps = { ...parts, logger, metrics, gate: createGate({ approvals, directory }) }
  server = startTestServer(mount(RemediationService, remediationHandlers(deps), REMEDIATION_CALLERS))
  await inTransaction(db, (tx) => listening.save(tx, { since: ago(86_400_000), reason: 'started', tickedAt: clock.now() }, 10_000)) // prettier-ignore
})
afterEach(() => database.drop())

const ago = (ms: number) => new Date(clock.now().getTime() - ms)
function probed() {
  if (reachable === undefined) throw new ConnectError('away', Code.Unavailable)
  return { endpoints: [{ url: 'https://b.example', reachable, detail: reachable ? 'answered in 3 ms' : 'PEER_UNREACHABLE: refused' }] } // prettier-ignore
}
const alice = () => server.clientAs(RemediationService, { kind: 'operator', name: 'alice' })
const stale = { peerId, reason: 'heartbeat_stale' }
const news = async () => (await announced(database.db)).map(({ word, actor }) => `${word} by ${actor}`)

test('only operators may, and only those who may control say what the loop may do', async () => {
  await refusesEverybodyElse(RemediationService, REMEDIATION_CALLERS, server.clientAs)
  expect(REMEDIATION_CALLERS.setRemediationMode).toEqual(['system.infra_tasks.control'])
})

test('an operator has one peer remedied: probed, degraded, and written down with his name', async () => {
  const { remediation } = await alice().remediatePeer(stale)
  expect(remediation).toMatchObject({
    action: 'degraded',
    actor: 'operator/alice',
    remediated: true,
    probes: [{ url: 'https://b.example', reachable: false }],
    inputs: { asked: 'true', probed: 'unreachable' },
  })
  expect(await news()).toEqual(['unreachable by operator/alice'])
  expect((await alice().getRemediation({ id: remediation?.id ?? '' })).remediation).toEqual(remediation)
})

test('a rehearsal probes, says what would be done, and keeps nothing', async () => {
  expect((await alice().remediatePeer({ ...stale, dryRun: true })).remediation).toMatchObject({ action: 'degraded' })
  expect((await alice().listRemediations({})).remediations).toEqual([])
  expect(await news()).toEqual([])
})

test('a gateway that cannot probe says nothing of the peer: nothing is done', async () => {
  reachable = undefined
  expect((await alice().remediatePeer(stale)).remediation).toMatchObject({
    action: 'held',
    whyHeld: 'cannot_probe',
    probes: [{ detail: 'SERVICE_UNAVAILABLE: our gateway did not answer' }],
  })
})

test('of a certificate an operator is told, and nobody is probed', async () => {
  reachable = undefined
  expect((await alice().remediatePeer({ peerId, reason: 'cert_expired' })).remediation).toMatchObject({
    action: 'alerted',
    remediated: false,
    requiresOperatorAction: true,
  })
})

test('nobody is remedied while the loop is paused, and no peer that is not there', async () => {
  await expectRefusal(alice().remediatePeer({ ...stale, peerId: randomUUID() }), 'PEER_NOT_FOUND')
  await alice().setRemediationMode({ mode: 'paused', reason: 'maintenance' })
  await expectRefusal(alice().remediatePeer(stale), 'REMEDIATION_PAUSED')
  await expectRefusal(alice().getRemediation({ id: randomUUID() }), 'REMEDIATION_NOT_FOUND')
})

test('what the loop may do is set with a name and a reason, is news, and may be rehearsed', async () => {
  const said = { mode: 'observing', reason: 'a drill' }
  expect((await alice().setRemediationMode({ ...said, dryRun: true })).status).toMatchObject({ mode: 'observing' })
  expect((await alice().getRemediationStatus({})).status).toMatchObject({ mode: 'acting', modeBy: '' })
  await alice().setRemediationMode(said)
  expect((await alice().getRemediationStatus({})).status).toMatchObject({
    mode: 'observing',
    modeReason: 'a drill',
    modeBy: 'operator/alice',
    listeningReason: 'started',
  })
  expect(await news()).toEqual(['remediation_mode_set by operator/alice'])
})

test('figures are set as a whole; what is not said of durations stays', async () => {
  const { status } = await alice().setRemediationSettings({
    settings: { breakerShare: 0.5, breakerLeast: 2, budgetPerHour: 3, patience: 2, clockSkew: durationFromMs(5_000) },
  })
  expect(status).toMatchObject({
    budgetLeft: 3,
    settings: { breakerShare: 0.5, patience: 2, clockSkew: { seconds: 5n }, certWarning: { seconds: 2_592_000n } },
  })
})

test('the diary is read in pages, newest first, of one peer or all', async () => {
  reachable = true
  for (const dryRun of [false, false]) {
    await clock.advance(1_000)
    await alice().remediatePeer({ ...stale, dryRun })
  }
  const first = await alice().listRemediations({ peerId, pageSize: 1 })
  const rest = await alice().listRemediations({ peerId, pageSize: 1, pageToken: first.nextPageToken })
  const ids = [...first.remediations, ...rest.remediations].map(({ id }) => id)
  expect(new Set(ids).size).toBe(2)
  expect(ids).toEqual(ids.toSorted().toReversed())
  expect(rest.nextPageToken).toBe('')
  expect((await alice().listRemediations({ peerId: 'nobody' })).remediations).toEqual([])
  await expectRefusal(alice().listSignals({ pageToken: 'x' }), 'PAGE_TOKEN_INVALID')
})
