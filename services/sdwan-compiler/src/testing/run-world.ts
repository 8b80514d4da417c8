import { randomBytes } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import { createMetrics } from '@powernode/process'
import {
  ComposeNetworkRequestSchema,
  IsolateTenantRequestSchema,
  type Run as WireRun,
} from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { sql } from 'kysely'
import { NetworkCompiler } from '../network.ts'
import { beginRollBack } from '../operations/begin-run.ts'
import { openSpace } from '../operations/open-space.ts'
import { showRun } from '../operations/show-run.ts'
import { compose, isolate } from '../rpc/acts/run.ts'
import { driveRun, type DriveDeps } from '../runs/drive-run.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import * as runs from '../store/runs.ts'
import type { SdwanTx, Tables } from '../store/tables.ts'
import { NOW } from './road-world.ts'

const MIGRATIONS = new URL('../../migrations', import.meta.url)
const BY = { actor: 'operator/alice', requestId: 'request-1', traceparent: '' }
const TRUST_DOMAIN = 'a.example'

/** The id of the nth node of a test. */
export const node = (n: number): string => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

export const hub = (n: number) => ({
  nodeInstanceId: node(n), name: `hub-${n}`, role: 'hub', endpointHostV6: `2001:db8::${n}`, endpointPort: 51820,
}) // prettier-ignore
export const spoke = (n: number) => ({ nodeInstanceId: node(n), name: `spoke-${n}`, role: 'spoke' })

/** A compiler's database, in which skills run; processes that drive them come and go. */
export class RunWorld {
  readonly database: TestDatabase<Tables>
  readonly clock = new FakeClock(NOW)
  readonly sealing = new SealingKey(randomBytes(32))

  private constructor(database: TestDatabase<Tables>) {
    this.database = database
  }

  static async start(): Promise<RunWorld> {
    const world = new RunWorld(await testDatabase<Tables>({ schema: 'sdwan_compiler', dir: MIGRATIONS }))
    await world.act((tx) => openSpace(tx, NOW, { accountId: TRUST_DOMAIN }))
    return world
  }

  act<T>(verb: (tx: SdwanTx) => Promise<T>): Promise<T> {
    return inTransaction(this.database.db, verb)
  }

  /** What a process that starts now stands on: it knows nothing of those before it. */
  process(): DriveDeps {
    const config = { trustDomain: TRUST_DOMAIN } as SdwanDeps['config'] // what the rest says is not asked for
    const { clock, sealing, database } = this
    return {
      db: database.db,
      clock,
      sealing,
      config,
      compiler: new NetworkCompiler(TRUST_DOMAIN),
      metrics: createMetrics('test'),
    }
  }

  async compose(said: MessageInitShape<typeof ComposeNetworkRequestSchema>): Promise<string> {
    const req = create(ComposeNetworkRequestSchema, { networkName: 'lab', topology: 'hub_and_spoke', ...said })
    return (await this.act((tx) => compose(tx, this.clock.now(), { req, by: BY }))).run.id
  }

  async isolate(said: MessageInitShape<typeof IsolateTenantRequestSchema>): Promise<string> {
    const req = create(IsolateTenantRequestSchema, { tenantKey: 'acme', ...said })
    return (await this.act((tx) => isolate(tx, this.clock.now(), { req, by: BY }))).run.id
  }

  async drive(runId: string): Promise<WireRun> {
    await driveRun(this.process(), { runId }, AbortSignal.timeout(60_000))
    return this.shown(runId)
  }

  async rollBack(runId: string): Promise<WireRun> {
    await this.act((tx) => beginRollBack(tx, this.clock.now(), { runId }))
    return this.drive(runId)
  }

  shown(runId: string): Promise<WireRun> {
    return this.act(async (tx) => {
      const run = await runs.find(tx, runId)
      if (!run) throw new Error(`there is no run ${runId}`)
      return showRun(tx, this.clock.now(), { run, steps: await runs.stepsOf(tx, runId) })
    })
  }

  /** What there is of intent, by kind. */
  async records(): Promise<Record<string, readonly string[]>> {
    const found: Record<string, readonly string[]> = {}
    for (const kind of [
      'network',
      'member',
      'firewall_rule',
      'ovn_deployment',
      'ovn_switch',
      'ovn_acl',
      'prefix_access',
    ]) {
      const label = kind === 'prefix_access' ? 'peer_id' : 'name'
      const { rows } = await this.act((tx) => sql<{ name: string }>`select ${sql.ref(label)}::text as name from ${sql.table(kind)} order by 1`.execute(tx)) // prettier-ignore
      if (rows.length > 0) found[kind] = rows.map(({ name }) => name)
    }
    return found
  }

  /** What was announced, in order, without ids. */
  announced(): Promise<string[]> {
    return this.act(async (tx) => {
      const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(tx)
      return rows.map(({ subject }) => subject.split('.')[2] ?? '')
    })
  }
}
