import { randomUUID } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Clock } from '@powernode/clock'
import {
  MemberOrderSchema,
  type MemberOrder,
  type MemberReport,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Child as WireChild } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Child } from '../child.ts'
import type { Member } from '../member.ts'
import { Mailbox } from './mailbox.ts'

type Wanted = Omit<MessageInitShape<typeof MemberOrderSchema>, 'id' | '$typeName'>

/** The child that a line is about, as it was when the database could last be asked. */
export type About = { readonly child: Child; readonly member: Member; readonly wire: WireChild }

/** The standing line of one member: what it said last, and what it is told. */
export class MemberLine {
  readonly orders = new Mailbox<MemberOrder>()
  about: About | undefined
  readonly #answers = new Map<string, (report: MemberReport) => void>()
  #report: MemberReport | undefined

  #busy = 0

  /** Whether somebody is about to tell it something that takes a while. */
  get busy(): boolean {
    return this.#busy > 0
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1
    try {
      return await work()
    } finally {
      this.#busy -= 1
    }
  }

  get report(): MemberReport | undefined {
    return this.#report
  }

  heard(report: MemberReport): void {
    this.#report = report
    this.#answers.get(report.orderId)?.(report)
    this.#answers.delete(report.orderId)
  }

  /** Gives an order; resolves with the report that answers it, or with undefined when none came in time. */
  async give(wanted: Wanted, { clock, withinMs, signal }: Patience): Promise<MemberReport | undefined> {
    const order = create(MemberOrderSchema, { ...wanted, id: randomUUID() })
    const answered = Promise.withResolvers<MemberReport | undefined>()
    this.#answers.set(order.id, answered.resolve)
    this.orders.put(order)
    const waiting = new AbortController()
    const stop = AbortSignal.any([signal, waiting.signal])
    void clock.sleep(withinMs, stop).then(() => answered.resolve(undefined))
    try {
      return await answered.promise
    } finally {
      waiting.abort()
      this.#answers.delete(order.id)
    }
  }
}

export type Patience = { readonly clock: Clock; readonly withinMs: number; readonly signal: AbortSignal }

/** The lines that members hold to this replica of the service, by peering. A member that comes again has one line: the new one. */
export class MemberLines {
  readonly #lines = new Map<string, MemberLine>()
  /** Peers that say they lead, and are not believed: it was said of them. */
  readonly doubted = new Set<string>()

  open(peerId: string): MemberLine {
    this.#lines.get(peerId)?.orders.close()
    const line = new MemberLine()
    this.#lines.set(peerId, line)
    return line
  }

  close(peerId: string, line: MemberLine): void {
    line.orders.close()
    if (this.#lines.get(peerId) === line) this.#lines.delete(peerId)
  }

  find(peerId: string): MemberLine | undefined {
    return this.#lines.get(peerId)
  }

  /** By id, id of its peer, or hostname; for when the database, which knows better, is gone. */
  known(named: string): About | undefined {
    return [...this.#lines.values()]
      .map(({ about }) => about)
      .find((about) => about && [about.child.id, about.child.peerId, about.child.hostname].includes(named))
  }

  /** Refused where there is none: what a member is to do cannot be told to it. */
  get(peerId: string): MemberLine {
    const line = this.#lines.get(peerId)
    if (!line)
      throw new Refusal('MEMBER_NOT_READY', 'the member holds no line to us: nothing can be told to it', {
        next: `fedctl child show ${peerId}`,
      })
    return line
  }
}
