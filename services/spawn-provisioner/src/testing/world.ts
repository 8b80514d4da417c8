import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { OPEN_GATE } from '@powernode/approvals/testing'
import { until } from '@powernode/events/testing'
import { FakeClock } from '@powernode/clock/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics, runTasks } from '@powernode/process'
import type { Certificate } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { ClusterMembershipSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { create } from '@bufbuild/protobuf'
import { mount, Refusal } from '@powernode/rpc'
import { startTestServer } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import type { Config } from '../config.ts'
import type { Child } from '../child.ts'
import { OpenProviders } from '../instances/open-providers.ts'
import { lookOnce } from '../look-around/look-around.ts'
import { readSpawn, type Spawn } from '../operations/read-spawn.ts'
import type { MemberOf, ReplicationArea } from '../replication/replication.ts'
import { handlers } from '../rpc.ts'
import { SPAWN_CALLERS } from '../rpc/callers.ts'
import { Attendants } from '../saga/attend-children.ts'
import type { SagaDeps } from '../saga/performer.ts'
import { Tokens } from '../saga/tokens.ts'
import * as children from '../store/children.ts'
import type { Tables } from '../store/tables.ts'
import { ChildNews } from '../watch/child-news.ts'
import { FakeCloud, fakeProvider } from './fake-provider.ts'
import { FakeRegistry } from './fake-registry.ts'

const ALICE = { kind: 'operator', name: 'alice' } as const
const REGISTRY = { kind: 'service', name: 'peer-registry' } as const
const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const

/** Slots and roles of a Postgres that is a test's own, by the peer whose they are. */
export class FakeReplication {
  readonly slots = new Set<string>()
  readonly roles = new Set<string>()
  unready: string | undefined
  #failure: { readonly verb: string; readonly after: boolean } | undefined
  /** What fails every time. */
  broken: 'prepareSlot' | undefined

  failNext(verb: 'prepareSlot' | 'prepareRole' | 'dropSlot' | 'dropRole', after = false): void {
    this.#failure = { verb, after }
  }

  area(): ReplicationArea {
    const doing = async (verb: string, act: () => void) => {
      if (verb === this.broken) throw new Error(`${verb} failed`)
      const failure = this.#failure?.verb === verb ? this.#failure : undefined
      if (failure) this.#failure = undefined
      if (failure && !failure.after) throw new Error(`${verb} failed`)
      act()
      if (failure) throw new Error(`${verb} failed, after it was done`)
    }
    const away = () => {
      throw new Refusal('REPLICATION_NOT_CONFIGURED', 'not here')
    }
    return {
      ready: () => Promise.resolve(this.unready),
      prepareSlot: async ({ peerId }: MemberOf) => {
        await doing('prepareSlot', () => this.slots.add(peerId))
        return 'slot'
      },
      prepareRole: async ({ peerId }: MemberOf) => {
        await doing('prepareRole', () => this.roles.add(peerId))
        return 'role'
      },
      dropSlot: ({ peerId }: MemberOf) => doing('dropSlot', () => this.slots.delete(peerId)),
      dropRole: ({ peerId }: MemberOf) => doing('dropRole', () => this.roles.delete(peerId)),
      membership: ({ peerId }: MemberOf) =>
        Promise.resolve(create(ClusterMembershipSchema, { roleName: `powernode_repl_${peerId.slice(0, 8)}` })),
      shown: () => Promise.resolve(new Map()),
      leftovers: (living) =>
        Promise.resolve([...this.slots].filter((id) => !living.includes(id)).map((name) => ({ kind: 'slot', name }) as const)), // prettier-ignore
      handlers: {
        // oxlint-disable-next-line require-yield -- says no at once
        async *promoteMember() {
          away()
        },
        // oxlint-disable-next-line require-yield -- says no at once
        async *failBack() {
          away()
        },
        rotateMemberCredential: async () => away(),
        // oxlint-disable-next-line require-yield -- says no at once
        async *attendMember() {
          away()
        },
      },
      executors: {},
      tasks: [],
    }
  }
}

export type Settings = { readonly maxChildren?: number; readonly bootDeadlineMs?: number }

/** A spawn-provisioner over a database of its own, with a cloud and a registry that do what a test says. */
export class SpawnWorld {
  readonly clock = new FakeClock(new Date('2026-05-01T12:00:00Z'))
  readonly cloud = new FakeCloud()
  readonly registry = new FakeRegistry(this.clock)
  readonly replication = new FakeReplication()
  readonly database: TestDatabase<Tables>
  readonly dir: string
  readonly #settings: Settings
  /** What the CA was asked for. */
  readonly certified: { name?: string; commonName?: string }[] = []
  /** What the CA remembers to have signed. */
  known: Certificate[] = []
  #running: { deps: SagaDeps; stop: () => Promise<void>; server: ReturnType<typeof startTestServer> }

  private constructor(database: TestDatabase<Tables>, settings: Settings) {
    this.database = database
    this.#settings = settings
    this.dir = mkdtempSync(join(tmpdir(), 'powernode-test-spawn-'))
    this.#running = this.#start()
  }

  static async open(settings: Settings = {}): Promise<SpawnWorld> {
    const migrations = new URL('../../migrations', import.meta.url)
    const world = new SpawnWorld(await testDatabase<Tables>({ schema: 'spawn_provisioner', dir: migrations }), settings)
    await world.alice.createProvider({ name: 'cloud', kind: 'fake', config: { max_instances: 10 } })
    await world.alice.createTemplate({ name: 'default', spec: { image: 'x' } })
    return world
  }

  get deps(): SagaDeps {
    return this.#running.deps
  }
  get alice() {
    return this.#running.server.clientAs(SpawnService, ALICE)
  }
  get asRegistry() {
    return this.#running.server.clientAs(SpawnService, REGISTRY)
  }
  get asGateway() {
    return this.#running.server.clientAs(SpawnService, GATEWAY)
  }

  /** Kill -9, and a new process: what was in memory is gone. */
  async crash(): Promise<void> {
    await this.#running.stop()
    this.#running = this.#start()
  }

  /** The process ends, and nothing comes in its place. */
  stop(): Promise<void> {
    return this.#running.stop()
  }

  async close(): Promise<void> {
    await this.#running.stop()
    await this.database.drop()
    rmSync(this.dir, { recursive: true })
  }

  /** Asks for a child, and waits for its token. */
  async spawn(hostname: string, spawnMode: SpawnMode = SpawnMode.AUTONOMOUS_PEER) {
    let isThere = false
    const asked = this.alice.spawnChild({ childHostname: hostname, spawnMode, childTemplateId: 'default' })
    const passing = until(async () => {
      if (!isThere) await this.timePasses(250)
      return isThere
    })
    // Both are heard to their end: who asks a process that is killed hears no, and a database that is gone lets no time pass.
    const [answered, passed] = await Promise.allSettled([asked.finally(() => (isThere = true)), passing])
    if (answered.status === 'rejected') throw answered.reason
    if (passed.status === 'rejected') throw passed.reason
    const { child, acceptanceToken } = answered.value
    if (!child) throw new Error('a spawn without a child')
    return { id: child.id, token: acceptanceToken }
  }

  /**
   * Time goes on, and no faster than the database answers: on a machine that is too busy for what is under test, minutes would
   * be over while it waits for one row.
   */
  async timePasses(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await sql`select 1`.execute(this.database.db)
  }

  read(childId: string): Promise<Spawn> {
    return inTransaction(this.database.db, (tx) => readSpawn(tx, childId))
  }

  child(hostname: string): Promise<Child> {
    return inTransaction(this.database.db, (tx) => children.resolve(tx, hostname))
  }

  lookAround(): Promise<void> {
    return lookOnce(this.deps, new AbortController().signal)
  }

  /** Everything that was announced, in its order: `word step?`. */
  async announced(): Promise<string[]> {
    const { rows } = await sql<{ event: Uint8Array }>`select event from outbox order by position`.execute(
      this.database.db,
    )
    return rows.map(({ event }) => fromBinary(EventSchema, event).kind.replace('federation.spawn.', ''))
  }

  /** Everything in the database of this service, as text: to be searched for what must not be there. */
  async everythingKept(): Promise<string> {
    const { db } = this.database
    const tables = await sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'spawn_provisioner' and table_type = 'BASE TABLE'`.execute(db) // prettier-ignore
    const parts: string[] = []
    for (const { name } of tables.rows) {
      const { rows } = await sql<{ row: string }>`select row_to_json(t)::text as row from ${sql.table(name)} t`.execute(
        db,
      )
      parts.push(...rows.map(({ row }) => row))
    }
    const events = await sql<{ event: Uint8Array }>`select event from outbox`.execute(db)
    return [...parts, ...events.rows.map(({ event }) => Buffer.from(event).toString('latin1'))].join('\n')
  }

  #start() {
    const stopping = new AbortController()
    const { clock } = this
    const logger = createLogger('test', { level: 'silent' })
    const config: Config = {
      ...NOT_ASKED,
      stateDir: this.dir,
      cacheDir: this.dir,
      maxChildren: this.#settings.maxChildren ?? 50,
      bootDeadlineMs: this.#settings.bootDeadlineMs ?? 3_600_000,
    }
    const listener = testListener({ url: this.database.url, schema: 'spawn_provisioner' })
    const base = {
      db: this.database.db,
      listener,
      clock,
      logger,
      metrics: createMetrics('test'),
      config,
      sealing: new SealingKey(Buffer.alloc(32, 7)),
      registry: this.registry.client(),
      authority: this.#authority(),
      gate: OPEN_GATE,
    }
    const providers = new OpenProviders(base, { fake: fakeProvider(this.cloud) })
    const deps: SagaDeps = { ...base, providers, replication: this.replication.area(), tokens: new Tokens() }
    const attendants = new Attendants(deps)
    const news = new ChildNews()
    const policies = { listPolicies: () => Promise.resolve({ policies: [] }) } as never // none to hand over
    const server = startTestServer(
      mount(SpawnService, handlers({ ...deps, attendants, news, policies }), SPAWN_CALLERS),
    )
    const running = runTasks(stopping.signal, [(stop) => attendants.run(stop), (stop) => news.run(listener, stop)])
    const stop = async () => {
      stopping.abort()
      await running
    }
    return { deps, stop, server }
  }

  #authority(): SagaDeps['authority'] {
    return {
      issueCertificate: (asked: { name?: string; commonName?: string }) => {
        this.certified.push(asked)
        return Promise.resolve({ chain: [Uint8Array.of(1)] })
      },
      listCertificates: ({ spiffeIds }: { spiffeIds: readonly string[] }) =>
        Promise.resolve({ certificates: this.known.filter(({ spiffeId }) => spiffeIds.includes(spiffeId)) }),
    } as never // all that is asked of it
  }
}

const NOT_ASKED = {
  natsUrl: '',
  identityDir: '',
  trustDomain: 'parent.example',
  listen: { host: '127.0.0.1', port: 0 },
  metricsPort: 0,
  sealingKey: { file: '', previousFile: undefined },
  endsWithPid: undefined,
  providerKinds: ['fake'],
  childEnvironment: {},
} as unknown as Config // what no part of a test's service reads
