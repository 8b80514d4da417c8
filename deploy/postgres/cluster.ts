import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { create } from '@bufbuild/protobuf'
import {
  createClient,
  createRouterTransport,
  type Client,
  type ConnectRouter,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { SealingKey } from '@powernode/identity'
import { keepReplica } from '@powernode/node-agent/keep-replica'
import { databaseUrl, migrate, newId, openDb } from '@powernode/postgres'
import { createLogger, createMetrics, runTasks } from '@powernode/process'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { callerKey, type OperatorCaller, toConnectError } from '@powernode/rpc'
import {
  AttendMemberRequestSchema,
  SpawnService,
  type FailBackRequest,
  type PromoteMemberRequest,
} from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { roleNameOf, slotNameOf, type Member } from '../../services/spawn-provisioner/src/member.ts'
import { replicationArea } from '../../services/spawn-provisioner/src/replication/replication-area.ts'
import type { ReplicationArea } from '../../services/spawn-provisioner/src/replication/replication.ts'
import type { SpawnDeps } from '../../services/spawn-provisioner/src/spawn-deps.ts'
import * as members from '../../services/spawn-provisioner/src/store/members.ts'
import type { Tables } from '../../services/spawn-provisioner/src/store/tables.ts'
import { withToken } from '../../services/spawn-provisioner/src/replication/deliver.ts'
import { DATABASE, TwoServers } from './two-servers.ts'

const SCHEMA = 'spawn_provisioner'
const MIGRATIONS = fileURLToPath(new URL('../../services/spawn-provisioner/migrations/', import.meta.url))
const quiet = createLogger('test', { level: process.env['CLUSTER_LOG'] === undefined ? 'silent' : 'info' })

const OPERATOR: OperatorCaller = {
  kind: 'operator',
  name: 'admin',
  permissions: new Set(['system.federation.spawn']),
  agent: false,
  by: 'certificate',
}

/** Refusals in words, as libs/rpc sends them. */
async function* told<T>(answers: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* answers
  } catch (error) {
    throw toConnectError(error)
  }
}

/** The two halves of a cluster_member as they run, on two real servers: only gateways and other services are left out. */
export class Cluster {
  readonly two: TwoServers
  deps: SpawnDeps
  readonly member: { readonly childId: string; readonly peerId: string; readonly instanceId: string }
  area: ReplicationArea
  #parent = new AbortController()
  #running: Promise<void>[] = []
  #child = new AbortController()

  private constructor(two: TwoServers, deps: SpawnDeps, member: Cluster['member']) {
    this.two = two
    this.deps = deps
    this.member = member
    this.area = replicationArea(deps)
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
    const member = { childId: newId(new Date()), peerId: newId(new Date()), instanceId: newId(new Date()) }
    const two = await TwoServers.start(settings, { role: roleNameOf(member.peerId), slot: slotNameOf(member.peerId) })
    const at = (user: string, password: string) => databaseUrl(two.primary.url, { database: DATABASE, user, password })
    await migrate({ url: at(`${SCHEMA}_owner`, 'owner'), schema: SCHEMA, dir: MIGRATIONS, role: SCHEMA })
    const url = at(SCHEMA, 'service')
    const config = {
      databaseUrl: { reveal: () => url },
      identityDir: two.identityDir,
      stateDir: two.stateDir,
      replication: {
        primary: { host: '127.0.0.1', port: two.primary.port },
        primaryName: two.membership.primaryServerName,
        takeOver: 'believed',
        redis: undefined,
      },
    }
    const deps = {
      db: openDb<Tables>({ url, schema: SCHEMA, applicationName: 'test' }),
      clock: systemClock,
      logger: quiet,
      metrics: createMetrics('test'),
      config,
      sealing: new SealingKey(randomBytes(32)),
      gate: { pass: () => Promise.resolve() },
    } as unknown as SpawnDeps // neither peers nor certificates are asked for here
    const cluster = new Cluster(two, deps, member)
    await cluster.#insertChild()
    cluster.startParent()
    return cluster
  }

  /** What its operator thinks of a member that took over by itself; from the next start of the parent on. */
  takesOver(takeOver: 'believed' | 'reported'): void {
    const { config } = this.deps
    this.deps = { ...this.deps, config: { ...config, replication: { ...config.replication, takeOver } } }
  }

  startParent(): void {
    this.#parent = new AbortController()
    this.area = replicationArea(this.deps)
    this.#running.push(runTasks(this.#parent.signal, this.area.tasks))
  }

  /** The services go on with another DATABASE_URL: at the address of the member that was promoted, or at home again. */
  async restartParentAt(where: 'home' | 'member'): Promise<void> {
    const { primary, home } = this.two
    const there = `postgres://${home.listen.host}:${home.listen.port}/postgres?sslmode=no-verify`
    const url = databaseUrl(where === 'home' ? primary.url : there, {
      database: DATABASE,
      user: SCHEMA,
      password: 'service',
    })
    await this.stopParent()
    await this.deps.db.destroy()
    const config = { ...this.deps.config, databaseUrl: { reveal: () => url } } as SpawnDeps['config'] // what is asked of it
    const db = openDb<Tables>({ url, schema: SCHEMA, applicationName: 'test' })
    this.deps = { ...this.deps, config, db }
    this.startParent()
    await this.stopChild() // its line goes with whoever held it
    await this.startChild()
  }

  async stopParent(): Promise<void> {
    this.#parent.abort()
    await Promise.all(this.#running.splice(0))
  }

  /** What the saga does, up to the enrollment that the child is handed. */
  async admit(): Promise<ClusterMembership> {
    const signal = this.#parent.signal
    await this.area.prepareSlot(this.member, signal)
    await this.area.prepareRole(this.member, signal)
    const membership = await this.area.membership(this.member, signal)
    return this.deps.db.transaction().execute(async (tx) => {
      const member = await members.lock(tx, this.member.childId)
      if (!member) throw new Error('nobody was admitted')
      return withToken(tx, systemClock.now(), { member, membership })
    })
  }

  /** The child's half; ends with `stopChild`. */
  async startChild(membership?: ClusterMembership): Promise<void> {
    this.#child = new AbortController()
    const federation = createClient(FederationService, this.#road(this.#child.signal))
    const { home } = this.two
    const address = `${home.listen.host}:${home.listen.port}`
    const replica = keepReplica({ home, address, federation, clock: systemClock, logger: quiet })
    if (membership) await replica.take({ peerId: 'our id of the parent', membership })
    this.#childRuns = replica.run(this.#child.signal)
  }
  #childRuns: Promise<void> = Promise.resolve()

  async stopChild(): Promise<void> {
    this.#child.abort()
    await this.#childRuns
  }

  async shown(): Promise<Member | undefined> {
    return this.deps.db.transaction().execute(async (tx) => (await members.all(tx))[0])
  }

  async words(): Promise<string[]> {
    return (await this.#announced()).map(({ word }) => word)
  }

  /** The same, less what a busy machine adds: that it lagged for a moment, and streams again. */
  async story(): Promise<string[]> {
    const words = (await this.words()).filter((word) => word !== 'lagging')
    return words.filter((word, at) => word !== 'streaming' || words[at - 1] !== 'streaming')
  }

  /** What was announced with a word, as it goes over the wire. */
  async said(word: string): Promise<string[]> {
    return (await this.#announced()).filter((one) => one.word === word).map(({ event }) => event.toString('latin1'))
  }

  /** Asked again and again while something is waited for: a connection that stayed open would be one of too many. */
  async #announced(): Promise<{ word: string; event: Buffer }[]> {
    const admin = await this.two.asAdmin()
    try {
      const { rows } = await admin.query<{ subject: string; event: Buffer }>(
        'select subject, event from spawn_provisioner.outbox order by position',
      )
      return rows.map(({ subject, event }) => ({ word: subject.split('.')[2] ?? '', event }))
    } finally {
      await admin.end()
    }
  }

  /** The parent as an operator asks it. */
  get operator(): Client<typeof SpawnService> {
    const asOperator: Interceptor = (next) => (request) => {
      request.contextValues.set(callerKey, OPERATOR)
      return next(request)
    }
    const { promoteMember, failBack, rotateMemberCredential } = this.area.handlers
    const handlers = {
      rotateMemberCredential,
      promoteMember: (request: PromoteMemberRequest, context: HandlerContext) => told(promoteMember(request, context)),
      failBack: (request: FailBackRequest, context: HandlerContext) => told(failBack(request, context)),
    }
    const routes = ({ service }: ConnectRouter) => service(SpawnService, handlers)
    const way = createRouterTransport(routes, { router: { interceptors: [asOperator] } })
    return createClient(SpawnService, way)
  }

  async stop(): Promise<void> {
    await this.stopChild()
    await this.stopParent()
    await this.deps.db.destroy()
    await this.two.stop()
  }

  /** Both gateways in one step: whose line it is, is what the parent calls it. */
  #road(until: AbortSignal) {
    const { peerId } = this.member
    const area = () => this.area
    const { two } = this
    return createRouterTransport(({ service }) => {
      service(FederationService, {
        async enrollNode({ csrDer }) {
          return { certificateChain: await two.sign(csrDer), intendedSubject: two.membership.roleName }
        },
        async *attendMember(requests, context) {
          const told = (async function* () {
            for await (const { report } of requests)
              yield create(AttendMemberRequestSchema, { peerId, ...(report && { report }) })
          })()
          const signal = AbortSignal.any([until, context.signal])
          for await (const { order } of area().handlers.attendMember(told, { ...context, signal }))
            yield order ? { order } : {}
        },
      })
    })
  }

  async #insertChild(): Promise<void> {
    const admin = await this.two.asAdmin()
    const { childId, peerId, instanceId } = this.member
    const template = newId(new Date())
    await admin.query(
      `insert into spawn_provisioner.template (id, name, description, spec, created_by, created_at, revision)
       values ($1, 'small', '', '{}', 'operator/admin', '2026-01-01', 1)`,
      [template],
    )
    await admin.query(
      `insert into spawn_provisioner.child (id, request_id, request_sha256, hostname, spawn_mode, state, reason, since, peer_id,
         instance_id, template_id, provider_id, region_id, instance_type_id, parent_url, proposed_routes,
         proposed_capabilities, token_ttl_ms, boot_deadline, created_by, created_at, updated_at, revision)
       values ($1, $1, sha256('x'), 'west-1', 'cluster_member', 'active', '', '2026-01-01', $2, $3, $4, $4, $4, $4,
         'https://parent.example', '[]', '{}', 600000, '2026-01-02', 'operator/admin', '2026-01-01', '2026-01-01', 1)`,
      [childId, peerId, instanceId, template],
    )
  }
}
