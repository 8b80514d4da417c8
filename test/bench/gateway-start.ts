import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { waitUntilServing } from '@powernode/dev/health'
import pg from 'pg'
import { TestPlatform } from '../mesh.ts'
import { memoryOf } from './memory.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const GRANTS = 1_000_000
const PEERS = 10_000
const RUNS = 3
const LIMIT_S = 10

/**
 * A gateway that starts with a million grants: how long from its start until it says SERVING, which is when the leases on
 * peers and policy run, and what it holds in memory by then. The gateway, grant-authz and Postgres as processes of their own.
 */
export async function run(): Promise<Report> {
  const platform = await TestPlatform.start('a', { processes: true, throughToDisk: true })
  try {
    await fill(platform)
    const [took, mib]: [number[], number[]] = [[], []]
    for (let at = 1; at <= RUNS; at++) {
      took.push(await startAgain(platform))
      mib.push(memoryOf(platform)['federation-gateway'] ?? 0)
      say(`run ${at}: ready after ${rounded(took.at(-1)!)} s with ${mib.at(-1)} MiB`)
    }
    return {
      bench: 'gateway-start',
      unit: 's until ready',
      ours: rounded(median(took)),
      limit: LIMIT_S,
      ratio: rounded(LIMIT_S / median(took)),
      p50_ms: rounded(median(took) * 1_000, 0),
      p99_ms: rounded(quantile(took, 0.99) * 1_000, 0),
      runs: took.map((seconds) => rounded(seconds)),
      grants: GRANTS,
      peers: PEERS,
      rss_mib: Math.max(...mib),
      rss_limit_mib: 1_024,
    }
  } finally {
    await platform.stop()
  }
}

async function startAgain({ platform }: TestPlatform): Promise<number> {
  const gateway = platform.parts['federation-gateway']
  await gateway.pause()
  const startedAt = performance.now()
  await gateway.resume()
  const target = {
    address: `127.0.0.1:${platform.ports['federation-gateway']}`,
    service: 'federation-gateway' as const,
    trustDomain: platform.trustDomain,
  }
  await waitUntilServing(target, identityDir(platform, 'admin'), AbortSignal.timeout(120_000))
  return (performance.now() - startedAt) / 1_000
}

/** As the owner of the database, past the triggers: a million inserts are not what is measured. */
async function fill({ platform }: TestPlatform): Promise<void> {
  const at = new URL(platform.postgresUrl)
  at.pathname = '/powernode'
  const client = new pg.Client({ connectionString: at.href })
  await client.connect()
  const now = systemClock.now()
  try {
    await client.query('set search_path = grant_authz')
    await client.query('set session_replication_role = replica')
    await client.query(`insert into peer (id, reviewed_at) select gen_random_uuid(), $1 from generate_series(1, $2)`, [
      now,
      PEERS,
    ])
    await client.query(
      `insert into federation_grant (id, peer_id, remote_subject, resource_kind, resource_id, scopes, node_instance_ids,
         sdwan_network_ids, source_cidrs, secret_sha256, issued_at, issued_by, ttl_ms, expires_at, last_changed_at, epoch)
       select gen_random_uuid(), p.id, 'operator@' || p.id, 'NodeModule', 'm-' || n, '{read}', '{}', '{}', '{}',
         sha256((p.id::text || n)::bytea), $1::timestamptz, 'operator/admin', 2592000000, $1::timestamptz + interval '30 days', $1::timestamptz, 1
       from peer p, generate_series(1, $2::int) n where p.reviewed_at = $1::timestamptz`,
      [now, GRANTS / PEERS],
    )
    await client.query('analyze federation_grant')
  } finally {
    await client.end()
  }
}
