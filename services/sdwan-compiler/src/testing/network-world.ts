import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { Directory, Gate } from '@powernode/approvals'
import { OPEN_GATE } from '@powernode/approvals/testing'
import { FakeClock } from '@powernode/clock/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import type { Member, Network } from '@powernode/proto/powernode/sdwan/v1/network_pb.ts'
import { SdwanService, type ChangeIntentRequestSchema, type ChangeIntentResponse } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts' // prettier-ignore
import { mount } from '@powernode/rpc'
import { startTestServer } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import type { Config } from '../config.ts'
import { NetworkCompiler } from '../network.ts'
import { openSpace } from '../operations/open-space.ts'
import { handlers } from '../rpc.ts'
import { NODE_CALLERS, SDWAN_CALLERS } from '../rpc/callers.ts'
import { nodeHandlers } from '../rpc/nodes.ts'
import type { SdwanDeps } from '../sdwan-deps.ts'
import type { Tables } from '../store/tables.ts'
import { NetworkNews } from '../watch/network-news.ts'
import { OurPlatform } from '../watch/our-platform.ts'

export const MIGRATIONS = new URL('../../migrations', import.meta.url)
const TRUST_DOMAIN = 'a.example'

type Kinds = NonNullable<MessageInitShape<typeof ItemSchema>['kind']>
type Case = NonNullable<Kinds['case']>
type ValueOf<C extends Case> = Extract<Kinds, { case: C }>['value']
export type Wanted = NonNullable<MessageInitShape<typeof ChangeIntentRequestSchema>['changes']>[number]

/** One record to be written, for ChangeIntent. */
export const put = <C extends Case>(kind: C, value: ValueOf<C>): Wanted =>
  ({ act: { case: 'put', value: { kind: { case: kind, value } } } }) as Wanted // of its own case

export const remove = (kind: string, id: string, cascade = false): Wanted => ({
  act: { case: 'delete', value: { kind, id, cascade } },
})

/** A uuid that says which one it is. */
export const idOf = (name: string): string =>
  createHash('sha256')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-7$3-8$4-$5')

export const newKey = (): string =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')

type Standing = { readonly gate: Gate; readonly policies: Directory; readonly sealing: SealingKey }

/** sdwan-compiler over a database of its own, asked over its real RPCs; every replica of it keeps a network of its own. */
export class NetworkWorld {
  readonly clock = new FakeClock(new Date('2026-05-01T12:00:00Z'))
  readonly database: TestDatabase<Tables>
  readonly sealing: SealingKey
  readonly deps: SdwanDeps
  readonly #server: ReturnType<typeof startTestServer>
  readonly #stopping = new AbortController()
  readonly #listening: Promise<void>

  private constructor(database: TestDatabase<Tables>, { gate, policies, sealing }: Standing) {
    this.database = database
    this.sealing = sealing
    const registry = {
      getPlatform: async () => ({ platform: { platformId: 'a'.repeat(32) } }),
    } as unknown as SdwanDeps['registry'] // asked for nothing else
    const url = database.url
    this.deps = {
      db: database.db,
      listener: testListener({ url, schema: 'sdwan_compiler' }),
      clock: this.clock,
      logger: createLogger('test', { level: 'silent' }),
      metrics: createMetrics('test'),
      config: { trustDomain: TRUST_DOMAIN } as Config, // of which nothing else is read here
      sealing: this.sealing,
      registry,
      authority: everybodyKnown,
      border: {} as SdwanDeps['border'], // as above
      gate,
      policies,
      compiler: new NetworkCompiler(TRUST_DOMAIN),
      news: new NetworkNews(),
      platform: new OurPlatform(registry),
    }
    this.#server = startTestServer(
      mount(SdwanService, handlers(this.deps), SDWAN_CALLERS),
      mount(NodeNetworkService, nodeHandlers(this.deps), NODE_CALLERS),
    )
    this.#listening = this.deps.news.run(this.deps.listener, this.#stopping.signal)
  }

  static async open({
    gate = OPEN_GATE,
    policies = NO_POLICIES,
    sealing = new SealingKey(randomBytes(32)),
  }: Partial<Standing> = {}): Promise<NetworkWorld> {
    const database = await testDatabase<Tables>({ schema: 'sdwan_compiler', dir: MIGRATIONS })
    const world = new NetworkWorld(database, { gate, policies, sealing })
    await inTransaction(world.database.db, (tx) => openSpace(tx, world.clock.now(), { accountId: TRUST_DOMAIN }))
    return world
  }

  /** Another replica over the same database; it was given the same sealing key, or this one. */
  replica(sealing = this.sealing): NetworkWorld {
    return new NetworkWorld(this.database, { ...this.deps, sealing })
  }

  get clientAs() {
    return this.#server.clientAs
  }

  get alice() {
    return this.#server.clientAs(SdwanService, { kind: 'operator', name: 'alice' })
  }

  asNode(nodeId: string) {
    return this.#server.clientAs(NodeNetworkService, { kind: 'instance', name: nodeId })
  }

  change(...changes: Wanted[]): Promise<ChangeIntentResponse> {
    return this.alice.changeIntent({ changes })
  }

  async network(name: string, more: ValueOf<'network'> = {}): Promise<Network> {
    const { items } = await this.change(put('network', { name, firewallDefaultPolicy: 'accept', ...more }))
    const [item] = items
    if (item?.kind.case !== 'network') throw new Error('no network was made')
    return item.kind.value
  }

  /** A member on a node of its own, with a key. */
  async member(networkId: string, name: string, more: ValueOf<'member'> = {}): Promise<Member> {
    const { items } = await this.change(put('member', memberOf(networkId, name, more)))
    const [item] = items
    if (item?.kind.case !== 'member') throw new Error('no member was made')
    return item.kind.value
  }

  /** Everything that was announced, in its order. */
  async announced(): Promise<string[]> {
    const { rows } = await sql<{ event: Uint8Array }>`select event from outbox order by position`.execute(
      this.database.db,
    )
    return rows.map(({ event }) => fromBinary(EventSchema, event).kind)
  }

  /** Everything in the database, as text: to be searched for what must not be there, and compared. */
  async everythingKept(): Promise<string> {
    const tables = await sql<{ name: string }>`
      select table_name as name from information_schema.tables
      where table_schema = 'sdwan_compiler' and table_type = 'BASE TABLE' order by 1`.execute(this.database.db)
    const texts: string[] = []
    for (const { name } of tables.rows) {
      const { rows } = await sql<{ row: string }>`select to_jsonb(t)::text as row from ${sql.table(name)} t order by 1`.execute(this.database.db) // prettier-ignore
      texts.push(`${name}: ${rows.map(({ row }) => row).join('\n')}`)
    }
    return texts.join('\n')
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#server.stop()
    await this.#listening
  }

  async close(): Promise<void> {
    await this.stop()
    await this.database.drop()
  }
}

/** A CA that has signed for every node that is asked for. */
const everybodyKnown = {
  listCertificates: async ({ spiffeIds = [] }: { spiffeIds?: string[] }) => ({
    certificates: spiffeIds.map((spiffeId) => ({ spiffeId })),
    nextPageToken: '',
  }),
} as unknown as SdwanDeps['authority'] // asked for nothing else

export const NO_POLICIES: Directory = {
  policyOf: () => ({ verb: 'auto_approve', approvers: 1 }),
  autonomy: undefined,
  approvedFor: () => 0,
}

export const memberOf = (networkId: string, name: string, more: ValueOf<'member'> = {}): ValueOf<'member'> => ({
  networkId,
  name,
  nodeInstanceId: idOf(`node of ${name}`),
  publicKey: newKey(),
  ...more,
})

/** What makes a member a hub. */
export const HUB = { publiclyReachable: true, endpointHostV6: '2001:db8::1' }
