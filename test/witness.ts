import { readFileSync, statSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { logFile } from '@powernode/dev/layout'
import type { ServiceName } from '@powernode/dev/services'
import { refusalOf } from '@powernode/rpc'
import pg from 'pg'
import { expect } from 'vitest'
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
} as const
export type Part = keyof typeof COUNTERS
export const PARTS = Object.keys(COUNTERS) as readonly Part[] // keys of a constant
export const INNER_PARTS = PARTS.filter((part) => part !== 'door')

function inner(service: ServiceName) {
  return { service, refused: 'fed_rpc_requests_total', dropped: 'fed_connections_dropped_total' } as const
}

/**
 * What comes in its own time: each service says what it trusts, each peer is owed our bundle, and what was written to the
 * ledger is signed, shipped and put into files. Its entries are looked at.
 */
const IN_ITS_TIME: Readonly<Record<string, string>> = {
  'audit_ledger.checkpoint': 'false',
  'audit_ledger.copied': 'false',
  'audit_ledger.shipment': 'false',
  'peer_registry.trust_holder': 'false',
  'peer_registry.errand': `kind <> 'deliver_bundle'`,
}
/** Rows that live on without anybody's doing: beats come and go, and what was queued is marked as sent. */
const COUNTED_ONLY = /^(liveness\.|\w+\.(outbox|inbox|feed_replica)$)/
/** How often something owed to a peer was tried. */
const TRIES = '{attempts,next_attempt_at,last_error}'

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
    await this.#db.query(text, [...values])
  }

  async rows<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    return (await this.#db.query<Row>(text)).rows
  }

  /** Waits until what was begun before has come to rest. */
  async settle(): Promise<void> {
    const giveUp = AbortSignal.timeout(30_000)
    for (let before = ''; ; before = this.#before) {
      this.#before = await this.#everything()
      if (this.#before === before) return
      giveUp.throwIfAborted()
      await systemClock.sleep(300, giveUp)
    }
  }

  /** `act` is refused for `reason` by that part, and leaves a line in its log, a count, and nothing else. */
  async refuses(part: Part, reason: string, act: () => Promise<unknown>): Promise<void> {
    const { service, refused } = COUNTERS[part]
    const logged = this.#logOf(service)
    const counted = await this.count(part, refused, 'outcome', reason)
    const error = await act().then(
      () => 'it was answered',
      (thrown: unknown) => thrown,
    )
    expect(refusalOf(error)?.reason ?? (error instanceof Error ? error.message : error)).toBe(reason)
    expect(logged().map(({ outcome }) => outcome)).toContain(reason)
    expect(await this.count(part, refused, 'outcome', reason)).toBeGreaterThan(counted)
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
      where table_schema in ('peer_registry', 'liveness', 'audit_ledger', 'grant_authz') and table_type = 'BASE TABLE'
      order by 1`)
    const selects = tables.map(({ name }) => {
      const row = `(to_jsonb(t) - '${TRIES}'::text[])::text`
      const content = COUNTED_ONLY.test(name) ? `''` : `coalesce(md5(string_agg(${row}, ' ' order by ${row})), '')`
      return `select '${name}' as name, count(*) as rows, ${content} as content from ${name} t where ${IN_ITS_TIME[name] ?? true}`
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
