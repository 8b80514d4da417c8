import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '@connectrpc/connect'
import { backoffMs, type Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type { ClusterMembership, MemberOrder } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { enrollReplica, forgetRequest } from './enroll-replica.ts'
import { readKept, writeKept, type Kept } from './membership-file.ts'
import { tlsOf, type ReplicaHome } from './replica-home.ts'
import { OrderRefused, Replica } from './replica.ts'

export type FollowerDeps = {
  readonly home: ReplicaHome
  readonly federation: Pick<Client<typeof FederationService>, 'enrollNode' | 'attendMember'>
  readonly clock: Clock
  readonly logger: Logger
}

export type FollowerState = 'cloning' | 'streaming' | 'stopped' | 'promoted' | 'following' | 'failed'

export type TakingOver = {
  readonly reason: string
  readonly by: string
  /** Asked when its turn has come: a copy that goes first may take hours. */
  readonly isWanted: () => boolean
}

const RETRY = { firstMs: 200, mostMs: 10_000 }

/** Keeps one replica going as its parent wants it: copies, follows, starts it again when it ends; one thing at a time. */
export class Follower {
  readonly replica: Replica
  readonly #deps: FollowerDeps
  #kept: Kept
  #detail = ''
  /** A copy or a start that is under way: it gives way to what the parent wants instead. */
  #bringing: AbortController | undefined
  /** What is done to the replica is done one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: FollowerDeps, kept: Kept) {
    this.#deps = deps
    this.#kept = kept
    this.replica = new Replica(deps.home, deps.clock)
  }

  get membership(): ClusterMembership {
    return this.#kept.membership
  }

  get detail(): string {
    return this.#detail || (this.#kept.tookOver ?? '')
  }

  /** Follows until told to stop; whatever ends or fails is tried again, with growing patience. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    let failures = 0
    try {
      while (!signal.aborted) {
        try {
          await this.#inTurn(() => this.#interruptibly(signal))
          failures = 0
          this.#detail = ''
          await Promise.race([this.replica.exited, aborted(signal)])
        } catch (error) {
          if (signal.aborted) return
          failures += 1
          this.#detail = error instanceof Error ? error.message : String(error)
          logger.warn({ task: 'replica', attempt: failures, error }, 'the replica does not follow yet')
        }
        await clock.sleep(backoffMs(Math.max(failures, 1), RETRY), signal)
      }
    } finally {
      await this.replica.stop()
    }
  }

  /** Carries out what the parent wants. Throws when it cannot be; then nothing was changed, or it may be asked again. */
  obey(order: MemberOrder, signal: AbortSignal): Promise<void> {
    if (order.act !== 'promote') this.#bringing?.abort()
    return this.#inTurn(async () => {
      const { membership } = order
      if (order.act === 'promote') await this.replica.promote(order, this.membership, signal)
      else if (order.act === 'stop') await this.#stop(signal)
      else if (!membership) throw new OrderRefused(`the order to ${order.act} does not say whom to follow`)
      else if (order.act === 'credential') await this.#take(membership, signal)
      else if (order.act === 'follow') await this.#follow(membership, signal)
      else throw new OrderRefused(`${order.act} is no order that this node knows`)
    })
  }

  /** Takes over without a word of the parent's, who is gone: with all that it has. Returns the timeline that it leads on. */
  takeOver({ reason, by, isWanted }: TakingOver, signal: AbortSignal): Promise<number> {
    return this.#inTurn(async () => {
      signal.throwIfAborted()
      if (!isWanted()) throw new OrderRefused('nobody waits for it any more: ask again')
      const { inRecovery, streaming } = await this.replica.status()
      if (streaming)
        throw new OrderRefused("the parent's Postgres still sends to it: have it promoted there, fedctl child promote")
      if (inRecovery) this.#keep({ tookOver: `${by}: ${reason}` })
      return (await this.replica.takeOver(this.membership)).timeline
    })
  }

  /** How it is. Never throws: what cannot be asked is said to be so. */
  async look(): Promise<{ state: FollowerState; lsn: string; timeline: number; systemIdentifier: string }> {
    const unknown = { lsn: '', timeline: 0, systemIdentifier: '' }
    if (this.#kept.stopped) return { state: 'stopped', ...unknown, lsn: this.#kept.resignedAt ?? '' }
    if (!this.replica.isRunning) return { state: this.#detail === '' ? 'cloning' : 'failed', ...unknown }
    try {
      const { inRecovery, streaming, ...rest } = await this.replica.status()
      return { state: inRecovery ? (streaming ? 'streaming' : 'following') : 'promoted', ...rest }
    } catch (error) {
      this.#detail ||= error instanceof Error ? error.message : String(error)
      return { state: 'failed', ...unknown }
    }
  }

  async #interruptibly(signal: AbortSignal): Promise<void> {
    this.#bringing = new AbortController()
    try {
      await this.#bringUp(AbortSignal.any([signal, this.#bringing.signal]))
    } finally {
      this.#bringing = undefined
    }
  }

  async #bringUp(signal: AbortSignal): Promise<void> {
    if (this.#kept.stopped || this.replica.isRunning) return
    await this.replica.stop() // what is left of one that ended by itself
    await this.#certify(signal)
    if (this.replica.isCloned) await this.replica.start(this.membership, signal)
    else await this.replica.clone(this.membership, signal)
  }

  async #follow(membership: ClusterMembership, signal: AbortSignal): Promise<void> {
    this.#keep({ membership })
    await this.#certify(signal)
    await this.replica.clone(this.membership, signal)
    this.#keep({ stopped: false, resignedAt: '', tookOver: '' })
  }

  async #take(membership: ClusterMembership, signal: AbortSignal): Promise<void> {
    this.#keep({ membership })
    await this.#certify(signal)
    if (this.replica.isCloned) this.replica.reconfigure(this.membership)
  }

  /** One that became the primary resigns first: what it answered for is known, and nobody can add to it. */
  async #stop(signal: AbortSignal): Promise<void> {
    const leads = this.replica.isRunning && !this.replica.isStandby
    const resignedAt = leads ? await this.replica.resign(this.membership.roleName, signal) : this.#kept.resignedAt
    this.#keep({ stopped: true, ...(resignedAt !== undefined && { resignedAt }) })
    await this.replica.stop()
  }

  /** A certificate is fetched when there is none, and when a token for another one came. */
  async #certify(signal: AbortSignal): Promise<void> {
    const { home, federation } = this.#deps
    if (!this.membership.replicaEnrollment && existsSync(join(tlsOf(home), 'cert.pem'))) return
    const way = { home, federation, peerId: this.#kept.peerId }
    this.replica.useCertificate(await enrollReplica(way, this.membership, signal))
    this.#keep({ membership: { ...this.membership, replicaEnrollment: undefined } }) // its token is spent
    forgetRequest(home)
  }

  #keep(changed: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...changed }
    writeKept(this.#deps.home, this.#kept)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** The follower of what this node was told to keep; undefined when it was told nothing. */
export function followerOf(deps: FollowerDeps): { readonly follower: Follower; readonly peerId: string } | undefined {
  const kept = readKept(deps.home)
  return kept && { follower: new Follower(deps, kept), peerId: kept.peerId }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
