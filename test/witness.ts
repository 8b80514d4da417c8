import { readFileSync, statSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { logFile } from '@powernode/dev/layout'
import type { ServiceName } from '@powernode/dev/services'
import { refusalOf } from '@powernode/rpc'
import pg from 'pg'
import { expect } from 'vitest'
import { eventually, PATIENCE_MS } from './eventually.ts'
import type { TestPlatform } from './mesh.ts'

/** Where a part of a platform counts what it refused and what it dropped. The door is a part of its own. */
const COUNTERS = {
  door: {
    service: 'federation-gateway',
    refused: 'fed_gateway_calls_total',
    dropped: 'fed_gateway_dropped_connections_total',
  },
  'federation-gateway': inner('federation-gateway'),
  'peer-registry': inner('peer-registry'),
  liveness: inner('liveness'),
  'audit-ledger': inner('audit-ledger'),
  'grant-authz': inner('grant-authz'),
  'spawn-provisioner': inner('spawn-provisioner'),
  'sdwan-compiler': inner('sdwan-compiler'),
} as const
export type Part = keyof typeof COUNTERS
export const PARTS = Object.keys(COUNTERS) as readonly Part[] // keys of a constant
export const INNER_PARTS = PARTS.filter((part) => part !== 'door')

function inner(service: ServiceName) {
  return { service, refused: 'fed_rpc_requests_total', dropped: 'fed_connections_dropped_total' } as const
}

/** What a platform tells of itself whenever it has looked or has been late, as on a busy machine. */
const OF_ITSELF = `'^federation\\.(platform\\.listening_anew|finding\\.|commitment\\.|review\\.|manager\\.)'`
const NOT_OF_ITSELF = {
  'audit_ledger.event': `kind !~ ${OF_ITSELF}`,
  'audit_ledger.entry': `action !~ ${OF_ITSELF}`,
  'audit_ledger.payload': `(log_id, sequence) in (select log_id, sequence from audit_ledger.entry where action !~ ${OF_ITSELF})`,
}
/**
 * What comes in its own time: each service says what it trusts and each process of the registry which version it was told,
 * each peer is owed our bundle and looked at again every minute, and what was written to
 * the ledger is signed, shipped and put into files. Its entries are looked at.
 */
const IN_ITS_TIME: Readonly<Record<string, string>> = {
  ...NOT_OF_ITSELF,
  'audit_ledger.checkpoint': 'false',
  'audit_ledger.copied': 'false',
  'audit_ledger.inbox': 'false',
  'audit_ledger.shipment': 'false',
  'grant_authz.peer_review': 'false',
  'peer_registry.told_version': 'false',
  'peer_registry.trust_holder': 'false',
  'peer_registry.errand': `kind <> 'deliver_bundle'`,
}
/** Of liveness, what somebody has to say: all else it finds by itself, as it looks around, and what it finds on a busy machine nobody knows. */
const FOUND = /^liveness\.(?!(commitment|executed_approval|freshness|platform|migration)$)/
/** Rows that live on without anybody's doing: beats come and go, and what was queued is marked as sent. */
const COUNTED_ONLY = /^(liveness\.|\w+\.(outbox|inbox|feed_replica)$)/
/** How often something owed to a peer was tried, and when a peer was looked at last. */
const TRIES = '{attempts,next_attempt_at,last_error,reviewed_at}'
/** News that a service has announced, and the ledger has not written down. */
const UNRECORDED = `
  select 1 from (
    ${['peer_registry', 'liveness', 'grant_authz', 'audit_ledger'].map((schema) => `select id from ${schema}.outbox`).join(' union all ')}
  ) said where id not in (select id from audit_ledger.event)`

/** Refusals of a part that knows too little for a moment, as on a busy machine: it is asked again. */
const NOT_NOW: ReadonlySet<string> = new Set(['POLICY_STALE'])

type Line = { readonly msg?: string; readonly outcome?: string; readonly reason?: string }

/**
 * Sees all that a platform keeps, logs and counts: of a bad request it can tell that it was refused for the right
 * reason, that a line and a metric say so, and that nothing else is different from before.
 */
export class Witness {
  readonly #platform: TestPlatform
  readonly #db: pg.Client
  #before = ''

  private constructor(platform: TestPlatform, db: pg.Client) {
    this.#platform = platform
    this.#db = db
  }

  static async of(platform: TestPlatform): Promise<Witness> {
    const db = new pg.Client(platform.platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
    await db.connect()
    return new Witness(platform, db)
  }

  close(): Promise<void> {
    return this.#db.end()
  }

  /** As superuser, past every rule: for what a test cannot wait for. */
  async sql(text: string, values: readonly unknown[] = []): Promise<void> {
    await this.#db.query('set session_replication_role = replica') // and past every trigger
    try {
      await this.#db.query(text, [...values])
    } finally {
      await this.#db.query('reset session_replication_role')
    }
  }

  async rows<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    return (await this.#db.query<Row>(text)).rows
  }

  /** Waits until what was begun before has come to rest: one look alone may fall into a pause of a busy machine. */
  async settle(): Promise<void> {
    await eventually(() => this.rows(UNRECORDED), (waiting) => waiting.length === 0) // prettier-ignore
    const giveUp = AbortSignal.timeout(PATIENCE_MS)
    for (let same = 0; ;) {
      const now = await this.#everything()
      same = now === this.#before ? same + 1 : 0
      this.#before = now
      if (same === 3) return
      giveUp.throwIfAborted()
      await systemClock.sleep(300, giveUp)
    }
  }

  /** `act` is refused for `reason` by that part, and leaves a line in its log, a count, and nothing else. */
  async refuses(part: Part, reason: string, act: () => Promise<unknown>): Promise<void> {
    const { service, refused } = COUNTERS[part]
    const logged = this.#logOf(service)
    const counted = await this.count(part, refused, 'outcome', reason)
    const error = await eventually(
      () => act().then(
        () => 'it was answered',
        (thrown: unknown) => thrown,
      ),
      (said) => !NOT_NOW.has(refusalOf(said)?.reason ?? ''),
    ) // prettier-ignore
    expect(refusalOf(error)?.reason ?? (error instanceof Error ? error.message : error)).toBe(reason)
    await expect.poll(() => logged().map(({ outcome }) => outcome)).toContain(reason)
    await expect.poll(() => this.count(part, refused, 'outcome', reason)).toBeGreaterThan(counted)
    await this.sawNothingChange()
  }

  /** What `act` opens is dropped without an answer, for one of these reasons; a line and a count say which. */
  async drops(part: Part, reasons: readonly string[], act: () => Promise<unknown>): Promise<void> {
    const { service, dropped } = COUNTERS[part]
    const label = part === 'door' ? 'why' : 'reason'
    const counts = () => Promise.all(reasons.map((reason) => this.count(part, dropped, label, reason)))
    const logged = this.#logOf(service)
    const before = sum(await counts())
    await act()
    await expect.poll(async () => sum(await counts()), { message: `${part} counts the drop` }).toBeGreaterThan(before)
    const words = () => logged().flatMap(({ reason = '' }) => (reasons.includes(reason) ? [reason] : []))
    await expect.poll(words, { message: `${part} logs the drop` }).not.toEqual([])
    await this.sawNothingChange()
  }

  async sawNothingChange(): Promise<void> {
    expect(await this.#everything()).toBe(this.#before)
  }

  /** The value of a counter for one value of one label, over all others. */
  async count(part: Part, name: string, label: string, value: string): Promise<number> {
    const port = this.#platform.platform.ports[`${COUNTERS[part].service}-metrics`]
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(`${label}="${value}"`))
    return sum(lines.map((line) => Number(line.slice(line.lastIndexOf(' ')))))
  }

  /** Every table of the platform, one line each: how many rows it has, and the sum of what they say. */
  async #everything(): Promise<string> {
    const tables = await this.rows<{ name: string }>(`
      select table_schema || '.' || table_name as name from information_schema.tables
      where table_schema in ('peer_registry', 'liveness', 'audit_ledger', 'grant_authz', 'spawn_provisioner', 'sdwan_compiler') and table_type = 'BASE TABLE'
      order by 1`)
    const selects = tables.map(({ name }) => {
      const row = `(to_jsonb(t) - '${TRIES}'::text[])::text`
      const content = COUNTED_ONLY.test(name) ? `''` : `coalesce(md5(string_agg(${row}, ' ' order by ${row})), '')`
      return `select '${name}' as name, count(*) as rows, ${content} as content from ${name} t where ${FOUND.test(name) ? false : (IN_ITS_TIME[name] ?? true)}`
    })
    const found = await this.rows<{ name: string; rows: string; content: string }>(selects.join(' union all '))
    const lines = found.map(({ name, rows, content }) => `${name}: ${rows} ${content}`.trim())
    return lines.toSorted().join('\n') // Postgres may read the tables in any order
  }

  /** The lines a service has written since this was called. */
  #logOf(service: ServiceName): () => Line[] {
    const file = logFile(this.#platform.platform, service)
    const from = statSync(file).size
    return () => {
      const lines = readFileSync(file).subarray(from).toString('utf8').trim().split('\n')
      return lines.filter(Boolean).map((line) => JSON.parse(line) as Line)
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
