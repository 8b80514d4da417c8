import type { Client } from '@connectrpc/connect'
import { backoffMs, patient, type Clock } from '@powernode/clock'
import { elapsed, timing, type Logger, type Metrics } from '@powernode/process'
import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { ClientTalk, OpenTalk } from '@powernode/rpc'
import type { Turns } from '../door/turns.ts'
import { readAnswer, writeMessage } from './append-frames.ts'
import { Unrecorded } from './unrecorded.ts'
import { BATCH_BYTES, fitting, weightOf } from './weigh.ts'

export type DecisionsParts = {
  readonly ledger: Pick<Client<typeof AuditLedgerService>, 'append'>
  /** Opens the stream on which entries go to the ledger. */
  readonly openTalk: OpenTalk
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Whoever waited for a decision goes on in one of these. */
  readonly turns: Pick<Turns, 'take'>
}

type Waiting = {
  readonly entry: NewEntry
  readonly bytes: number
  readonly sinceMs: number
  readonly resolve: (sequence: bigint) => void
  readonly reject: (error: Error) => void
}

/** One is being committed, and whatever comes meanwhile makes a fuller one; */
const UNDERWAY = 2
/** unless it is full enough to be sent at once. */
const FULL_ENOUGH = 64
/** More than this is not waited for. */
const MAX_WAITING = 20_000
/** No caller waits longer for its decision to be written: it is refused, and nothing is done. */
const PATIENCE_MS = 2_000
const LOOK_EVERY_MS = 100
const RECONNECT = { firstMs: 20, mostMs: 1_000 }

/**
 * Decisions on their way to the ledger, each an entry of it: many in one message on one long stream.
 *
 * `record` resolves when the entry is durable, and nobody is answered before that. While the stream is down they
 * wait for a moment, and are then refused. What was sent and not answered is sent again: the ledger keeps
 * the first of an id.
 */
export class Decisions {
  readonly #parts: DecisionsParts
  readonly #unrecorded: Unrecorded
  readonly #elapsedMs = elapsed()
  readonly #took
  #queue: Waiting[] = []
  readonly #sent = new Map<number, readonly Waiting[]>()
  #number = 0
  #talk: ClientTalk | undefined
  #isSending = false
  #giveUp: () => void = () => {}

  constructor(parts: DecisionsParts) {
    this.#parts = parts
    this.#unrecorded = new Unrecorded(parts)
    const took = parts.metrics.histogram(
      'fed_gateway_decision_record_duration_seconds',
      'How long it took until a decision was durable',
      [],
    )
    this.#took = timing(took, [])
  }

  /** Resolves, with its place in the log, when the entry is durable; throws the refusal that its caller gets instead of an answer. */
  record(entry: NewEntry): Promise<bigint> {
    if (this.#queue.length >= MAX_WAITING) return Promise.reject(this.#unrecorded.refusal('overload', entry))
    const bytes = weightOf(entry)
    if (bytes > BATCH_BYTES) return Promise.reject(this.#unrecorded.refusal('ENTRY_TOO_LARGE', entry))
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, bytes, sinceMs: this.#elapsedMs(), resolve, reject })
      this.#sendSoon()
    })
  }

  /** The proof that an entry is in the log (C2SP tlog-proof), of one that is recorded; undefined while it cannot be had. */
  async receipt(entry: NewEntry): Promise<string | undefined> {
    try {
      const { receipts } = await this.#parts.ledger.append(
        { entries: [entry], receipts: true },
        { timeoutMs: patient(PATIENCE_MS) },
      )
      return receipts[0]
    } catch (error) {
      this.#parts.logger.warn({ task: 'decisions', decision_id: entry.decisionId, error }, 'no receipt')
      return undefined // the call is on record all the same, and its caller can ask for the receipt later
    }
  }

  /** Keeps a stream to the ledger open until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { openTalk, logger, clock } = this.#parts
    const looking = this.#loseHope(signal)
    for (let failures = 1; !signal.aborted; failures++) {
      const over = new AbortController()
      const open = AbortSignal.any([signal, over.signal])
      this.#giveUp = () => over.abort()
      const onAnswer = (bytes: Buffer) => {
        if (open.aborted) return // they are told again
        failures = 0
        this.#written(bytes)
      }
      try {
        this.#talk = await openTalk(AuditLedgerService.method.appendStream, onAnswer, open)
        this.#sendSoon()
        await this.#talk.ended
      } catch (error) {
        if (!signal.aborted) logger.warn({ task: 'decisions', error }, 'the stream of decisions broke')
      }
      over.abort()
      this.#talk = undefined
      this.#queue = [...[...this.#sent.values()].flat(), ...this.#queue]
      this.#sent.clear()
      await clock.sleep(backoffMs(failures, RECONNECT), signal)
    }
    await looking
    for (const { reject, entry } of this.#queue.splice(0)) reject(this.#unrecorded.refusal('stopping', entry))
  }

  /** Not before the turn is over in which a decision was made, and what follows from it: all of that turn share a message. */
  #sendSoon(): void {
    if (this.#isSending || !this.#talk || !this.#isDue()) return
    this.#isSending = true
    queueMicrotask(() => process.nextTick(this.#send))
  }

  /** All entries that came in while those before were being written make the next message. */
  readonly #send = (): void => {
    this.#isSending = false
    while (this.#talk && this.#isDue()) {
      const batch = this.#queue.splice(0, fitting(this.#queue))
      const number = ++this.#number
      this.#sent.set(number, batch)
      this.#talk.send(writeMessage(number, batch))
    }
  }

  #isDue(): boolean {
    if (this.#sent.size === 0) return this.#queue.length > 0
    return this.#sent.size < UNDERWAY && this.#queue.length >= FULL_ENOUGH
  }

  #written(bytes: Buffer): void {
    const { number, sequences, refused } = readAnswer(bytes)
    const nowMs = this.#elapsedMs()
    const batch = this.#sent.get(number)
    if (batch?.length !== sequences.length)
      throw new Error(`the ledger has said ${sequences.length} places of message ${number}`)
    this.#sent.delete(number)
    for (const [index, { sinceMs, entry, resolve, reject }] of batch.entries()) {
      const reason = refused.get(index)
      const sequence = BigInt(sequences[index] ?? 0)
      this.#took((nowMs - sinceMs) / 1_000)
      if (reason === undefined) this.#parts.turns.take(() => resolve(sequence))
      else this.#parts.turns.take(() => reject(this.#unrecorded.refusal(reason, entry)))
    }
    this.#sendSoon()
  }

  /**
   * Refuses those that waited too long. What was not sent is not written any more, since nothing came of it; a ledger
   * that takes in and does not answer is left, and called anew.
   */
  async #loseHope(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await this.#parts.clock.sleep(LOOK_EVERY_MS, signal)) {
      const limitMs = this.#elapsedMs() - patient(PATIENCE_MS)
      const isLate = ({ sinceMs }: Waiting) => sinceMs < limitMs
      if ([...this.#sent.values()].some((batch) => batch.some(isLate))) this.#giveUp()
      if (!this.#queue.some(isLate)) continue
      for (const { reject, entry } of this.#queue.filter(isLate)) reject(this.#unrecorded.refusal('unanswered', entry))
      this.#queue = this.#queue.filter((waiting) => !isLate(waiting))
    }
  }
}
