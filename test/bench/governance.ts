import { systemClock } from '@powernode/clock'
import { GovernanceService, type ScanGovernanceResponse } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { createClient } from '@powernode/rpc'
import pg from 'pg'
import { eventually } from '../eventually.ts'
import { TestPlatform } from '../mesh.ts'
import { median, rounded, say } from './report.ts'

const PEER_COUNT = 10_000
const ASTRAY_COUNT = 100
/** Each of those has our prefix, and all but the first that of another. */
const FINDINGS = 2 * ASTRAY_COUNT - 1
const RUNS = 5

/** What a look at 10,000 peers takes: the median of looks that change nothing, and the two that change everything. */
export type GovernanceFigures = {
  readonly governance_ms: number
  readonly governance_opening_ms: number
  readonly governance_closing_ms: number
  readonly governance_peers: number
  /** Of the whole platform, for one look that changes nothing. */
  readonly governance_cpu_ms: number
}

/**
 * A look of governance at 10,000 peers, on a whole platform: liveness asks peer-registry, grant-authz and audit-ledger over
 * mTLS, and writes down what it finds; the disk written through. All of them share one event loop, which makes it slower than it is.
 *
 * A hundred of the peers have two findings each. First all open, with news of each; then looks find the same; then all close.
 */
export async function governanceFigures(): Promise<GovernanceFigures> {
  const platform = await TestPlatform.start('governance', {
    registry: { PREFIX_ADVERTISEMENT: 'fdaa:1:1::/48' },
    throughToDisk: true,
  })
  const governance = createClient(GovernanceService, platform.transport('liveness'))
  const look = async () => {
    const began = systemClock.elapsed()
    const said = await governance.scanGovernance({}, { timeoutMs: 60_000 })
    return { ms: systemClock.elapsed() - began, said }
  }
  try {
    await look() // everything is compiled and connected after this
    await fill(platform)
    const opening = await look()
    expectCounts(opening.said, { opened: FINDINGS, closed: 0, peers: PEER_COUNT })
    await quiet(platform)
    const cpu = process.cpuUsage()
    const runs: number[] = []
    for (let at = 1; at <= RUNS; at++) {
      const { ms, said } = await look()
      expectCounts(said, { opened: 0, closed: 0, peers: PEER_COUNT })
      runs.push(ms)
      say(`look ${at}: ${rounded(ms)} ms`)
    }
    const { user, system } = process.cpuUsage(cpu)
    await execute(platform, `update peer_registry.peer set prefix_advertisement = ''`)
    const closing = await look()
    expectCounts(closing.said, { opened: 0, closed: FINDINGS, peers: PEER_COUNT })
    return {
      governance_ms: rounded(median(runs)),
      governance_opening_ms: rounded(opening.ms),
      governance_closing_ms: rounded(closing.ms),
      governance_peers: PEER_COUNT,
      governance_cpu_ms: rounded((user + system) / 1_000 / RUNS),
    }
  } finally {
    await platform.stop()
  }
}

/** Peers that wait for somebody to redeem an invitation, and advertise our own prefix. Nobody beats them. */
const fill = (platform: TestPlatform): Promise<void> =>
  execute(
    platform,
    `insert into peer_registry.peer (id, name, state, reason, since, kind, spawn_mode, spawn_role, we_redeem, url, timers, disclosure,
      prefix_advertisement, capabilities, extension_slugs, created_at, updated_at)
    select gen_random_uuid(), 'p' || n, 'proposed', '', now(), 'platform', 'out_of_band', 'symmetric', false,
      'https://p' || n || '.example', '{"heartbeatIntervalMs": 60000, "staleAfterMs": 300000, "staleAfterMostMs": 3600000}',
      '{"contact": "ops@example.org", "jurisdiction": "CH", "platformVersion": "1.4.2", "releaseTag": "v1.4.2"}',
      case when n <= ${ASTRAY_COUNT} then 'fdaa:1:1::/48' else '' end, '{"NodeModule": {"read": true}, "ServiceOffering": {"read": true}}', '["gpu", "storage"]', now(), now()
    from generate_series(1, ${PEER_COUNT}) n`,
  )

/** The news of what opened was published, and stands in the ledger: it costs the looks that follow nothing. */
async function quiet(platform: TestPlatform): Promise<void> {
  const waiting = `select count(*)::integer as count from liveness.outbox where published_at is null`
  const logged = `select count(*)::integer as count from audit_ledger.event where kind = 'federation.finding.opened'`
  const met = ({ count }: { count: number }, wanted: number) => count === wanted
  await eventually(
    async () => (await rows(platform, waiting))[0]!,
    (row) => met(row, 0),
    300_000,
  )
  await eventually(
    async () => (await rows(platform, logged))[0]!,
    (row) => met(row, FINDINGS),
    300_000,
  )
}

const execute = async (platform: TestPlatform, statement: string): Promise<void> =>
  void (await rows(platform, statement))

async function rows({ platform }: TestPlatform, statement: string): Promise<{ count: number }[]> {
  const client = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

function expectCounts(said: ScanGovernanceResponse, wanted: Partial<ScanGovernanceResponse>): void {
  const wrong = Object.entries(wanted).filter(([key, count]) => said[key as keyof ScanGovernanceResponse] !== count)
  if (wrong.length > 0 || said.unread.length > 0)
    throw new Error(`a look that was to say ${JSON.stringify(wanted)} said ${said.opened} opened, ${said.closed} closed, of ${said.peers}; unread: ${said.unread.join(', ')}`) // prettier-ignore
}
