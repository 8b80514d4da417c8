import { once } from 'node:events'
import { create, fromJsonString } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { ToldFeed } from '@powernode/feed/testing'
import { CALL_SENT } from '@powernode/ledger'
import { pageOf, type Page } from '@powernode/policy/testing'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { ResourceSchema, type Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import {
  DirectorySchema,
  OperatorService,
  type WatchOperatorsResponse,
} from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import {
  PolicyService,
  type PolicyPage,
  type WatchPolicyResponse,
} from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { ResourceService, type WatchResourcesResponse } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { createHealth, mount, PERMISSIONS, Refusal, type Mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { everyMethodFor } from './inner-services.ts'

/** What a test may tell of the policy. */
export type Told = Page & {
  readonly removedGrantIds?: string[]
  readonly removedBridgeIds?: string[]
  readonly removedResidencyPeerIds?: string[]
  readonly removedOverrideIds?: string[]
}

const GATEWAY = ['service/federation-gateway'] as const

/** grant-authz as the gateway meets it: the policy, operators, overrides, grants held, and the records of some kinds. */
export class TestGrantAuthz {
  /** Overrides that were used up, and by which decision. */
  readonly consumed = new Map<string, string>()
  readonly notices: string[] = []
  /** The bearer we hold for a peer. */
  held = ''
  /** What a test lets happen while one is chosen. */
  choosing: () => void | Promise<void> = () => {}
  readonly owner = new TestOwner()
  #pages: PolicyPage[] = []
  #epoch = 1n // as the feed counts them
  readonly policy = new ToldFeed<WatchPolicyResponse['update']>(() =>
    this.#pages.map((value) => ({ case: 'page' as const, value })),
  )
  readonly #operators = new ToldFeed<WatchOperatorsResponse['update']>(() => [
    {
      case: 'directory',
      value: create(DirectorySchema, { operators: [{ name: 'alice', permissions: [...PERMISSIONS], kind: 'person' }] }),
    },
  ])

  /** Tells of this beside what was told, at once; what is told again replaces. Returns the epoch. */
  tell(...pages: Told[]): bigint {
    const told = pages.map(pageOf)
    this.#pages.push(...told)
    this.policy.tell(...told.map((value) => ({ case: 'page' as const, value })))
    return (this.#epoch += 1n)
  }

  mounts(): Mount[] {
    const grants = partly(GrantAuthzService, {
      receiveGrantNotice: async ({ peerId, notice }) => {
        this.notices.push(`${peerId} ${notice?.what}`)
        return {}
      },
      chooseReceivedGrant: async () => {
        await this.choosing()
        return { grantId: this.held.slice(3, 39), bearer: this.held }
      },
    })
    const residency = partly(ResidencyService, {
      consumeOverride: async ({ overrideId, decisionId }) => {
        const by = this.consumed.get(overrideId)
        if (by === undefined) this.consumed.set(overrideId, decisionId)
        return { consumed: by === undefined || by === decisionId }
      },
    })
    const policy = { watchPolicy: this.policy.follow.bind(this.policy) } as unknown as ServiceImpl<typeof PolicyService>
    const directory = { watchOperators: this.#operators.follow.bind(this.#operators) }
    return [
      mount(PolicyService, withSignal(policy), everyMethodFor(PolicyService, GATEWAY)),
      mount(GrantAuthzService, grants, everyMethodFor(GrantAuthzService, GATEWAY)),
      mount(ResidencyService, residency, everyMethodFor(ResidencyService, GATEWAY)),
      mount(ResourceService, this.owner.handlers(), everyMethodFor(ResourceService, GATEWAY)),
      mount(
        OperatorService,
        withSignal(partly(OperatorService, directory as unknown as Partial<ServiceImpl<typeof OperatorService>>)),
        everyMethodFor(OperatorService, [...GATEWAY, 'service/peer-registry', 'service/liveness']),
      ),
    ]
  }
}

/** A ToldFeed wants the signal where a handler is given its context. */
function withSignal<T extends object>(handlers: T): T {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]: [string, (...said: unknown[]) => unknown]) => [
      name,
      (request: unknown, context: { signal: AbortSignal }) =>
        handler(request, name.startsWith('watch') ? context.signal : context),
    ]),
  ) as T // the same names
}

/** Owns the records that a test puts into it, in the order of their ids. */
export class TestOwner {
  readonly records = new Map<string, Resource>()
  readonly asked: string[] = []
  /** What a test lets happen before an answer. */
  meanwhile: () => void | Promise<void> = () => {}
  readonly #streams = new Set<{ readonly told: WatchResourcesResponse['update'][]; wake: () => void }>()

  put(id: string, said: Partial<Pick<Resource, 'record' | 'region' | 'dataClass' | 'kind'>> = {}): void {
    const record = create(ResourceSchema, { kind: 'NodeModule', id, record: { name: id }, revision: 1n, ...said })
    this.records.set(id, record)
    this.#tell({ case: 'resource', value: record })
  }

  remove(id: string): void {
    this.records.delete(id)
    this.#tell({ case: 'removedId', value: id })
  }

  get watched(): number {
    return this.#streams.size
  }

  handlers(): ServiceImpl<typeof ResourceService> {
    return {
      listResources: async ({ kind, id, pageSize, pageToken, peerId }) => {
        this.asked.push(`list ${kind} ${id} for ${peerId}`)
        const all = [...this.records.values()].filter(
          (record) => record.kind === kind && (id === '' || record.id === id),
        )
        const from = Number(pageToken || 0)
        const size = pageSize || 100
        await this.meanwhile()
        const next = from + size < all.length ? String(from + size) : ''
        return { resources: all.slice(from, from + size), nextPageToken: next }
      },
      getResource: async ({ kind, id }) => {
        this.asked.push(`get ${kind} ${id}`)
        await this.meanwhile()
        return { resource: this.#found(id) }
      },
      updateResource: async ({ id, changes = {} }) => {
        this.asked.push(`update ${id}`)
        const before = this.#found(id)
        const after = { ...before, record: { ...before.record, ...changes }, revision: before.revision + 1n }
        this.records.set(id, after)
        await this.meanwhile()
        return { resource: after }
      },
      watchResources: ({ kind, id }, { signal }) => this.#watch(kind, id, signal),
    }
  }

  async *#watch(kind: string, id: string, signal: AbortSignal) {
    const stream = { told: [] as WatchResourcesResponse['update'][], wake: () => {} }
    for (const value of this.records.values())
      if (value.kind === kind && (id === '' || value.id === id)) stream.told.push({ case: 'resource', value })
    stream.told.push({ case: 'snapshotSent', value: { $typeName: 'powernode.resource.v1.SnapshotSent' } })
    this.#streams.add(stream)
    try {
      while (!signal.aborted) {
        const update = stream.told.shift()
        if (update) yield { update }
        else await Promise.race([new Promise<void>((resolve) => (stream.wake = resolve)), once(signal, 'abort')])
      }
    } finally {
      this.#streams.delete(stream)
    }
  }

  #tell(update: WatchResourcesResponse['update']): void {
    for (const stream of this.#streams) {
      stream.told.push(update)
      stream.wake()
    }
  }

  #found(id: string): Resource {
    const found = this.records.get(id)
    if (!found) throw new Refusal('RESOURCE_NOT_FOUND', 'there is no such resource')
    return found
  }
}

/** The ledger as the gateway meets it: durable is what it holds. */
export class TestLedger {
  /** What was decided about calls, and which of ours left. */
  readonly decisions: Decision[] = []
  readonly sent: Decision[] = []
  readonly entries: NewEntry[] = []
  readonly messages: number[] = []
  /** Turns entries away, one by one. */
  turnsAway: (entry: NewEntry) => string | undefined = () => undefined
  /** False: a proof cannot be had. */
  proves = true
  readonly health = createHealth()
  /** False: it takes in, and does not answer. */
  answering = true
  /** What it answers to all else; a test replaces what it is about. */
  readonly answers: Partial<ServiceImpl<typeof AuditLedgerService>> = {}

  mounts(): Mount[] {
    const handlers = partly(AuditLedgerService, {
      appendStream: (messages) => this.#append(messages),
      append: async ({ entries, receipts }) => {
        if (receipts && !this.proves) throw new Refusal('SERVICE_UNAVAILABLE', 'nobody signs')
        const places = entries.map(({ id }) => ({ sequence: BigInt(this.entries.findIndex((one) => one.id === id)) }))
        return { places, receipts: receipts ? entries.map(({ id }) => `proof of ${id}`) : [] }
      },
      witnessCheckpoint: (...said) => asked(this.answers.witnessCheckpoint)(...said),
      mirrorEntries: (...said) => asked(this.answers.mirrorEntries)(...said),
      readMirror: (...said) => asked(this.answers.readMirror)(...said),
      listExcerpts: (...said) => asked(this.answers.listExcerpts)(...said),
      getReceipt: (...said) => asked(this.answers.getReceipt)(...said),
    })
    return [mount(AuditLedgerService, handlers, everyMethodFor(AuditLedgerService, GATEWAY))]
  }

  of(id: string | undefined): Decision | undefined {
    return this.decisions.find((decision) => decision.id === id)
  }

  async *#append(messages: Parameters<ServiceImpl<typeof AuditLedgerService>['appendStream']>[0]) {
    for await (const { number, entries } of messages) {
      if (!this.answering) continue
      this.messages.push(entries.length)
      const refused = entries.flatMap((entry, index) => {
        const reason = this.turnsAway(entry)
        return reason === undefined ? [] : [{ index, reason }]
      })
      const places = entries.map((entry, at) => {
        if (refused.some(({ index }) => index === at)) return {}
        const decision = fromJsonString(DecisionSchema, Buffer.from(entry.payload).toString())
        ;(entry.action === CALL_SENT ? this.sent : this.decisions).push(decision)
        return { sequence: BigInt(this.entries.push(entry) - 1) }
      })
      yield { number, places, refused }
    }
  }
}

function asked<Handler>(handler: Handler | undefined): Handler {
  if (!handler) throw new Error('the test does not expect this call')
  return handler
}
