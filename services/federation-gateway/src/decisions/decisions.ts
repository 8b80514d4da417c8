import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { backoffMs, type Clock } from '@powernode/clock'
import { elapsed, type Logger, type Metrics } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import type { Turns } from '../door/turns.ts'

export type DecisionInit = MessageInitShape<typeof DecisionSchema>

export type DecisionsParts = {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Whoever waited for a decision goes on in one of these. */
  readonly turns: Pick<Turns, 'take'>
}

type Waiting = {
  readonly decision: DecisionInit
  readonly bytes: number
  readonly sinceMs: number
  readonly resolve: () => void
  readonly reject: (error: Refusal) => void
}

/** Half of what the ledger takes in one message. */
const BATCH = 512
/** And below its megabyte: a message that it turns away would take the decisions about all peers with it. */
const BATCH_BYTES = 900_000
/** What a decision has beside the texts that `weigh` counts: ids, moments, words of ours. */
const EACH_BYTES = 700
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
 * Decisions on their way to the ledger: many in one message on one long stream.
 *
 * `record` resolves when the decision is durable, and nobody is answered before that. While the stream is down they
 * wait for the next one. Those that were sent and not answered are sent again: the ledger keeps the first of an id.
 */
export class Decisions {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #elapsedMs = elapsed()
  readonly #took
  readonly #turns: Pick<Turns, 'take'>
  #queue: Waiting[] = []
  readonly #sent = new Map<bigint, readonly Waiting[]>()
  #number = 0n
  #wake: () => void = () => {}
  #giveUp: () => void = () => {}

  constructor({ clock, logger, metrics, turns }: DecisionsParts) {
    this.#clock = clock
    this.#logger = logger
    this.#turns = turns
    this.#took = metrics.histogram(
      'fed_gateway_decision_record_duration_seconds',
      'How long it took until a decision was durable',
      [],
    )
  }

  /** Resolves when the decision is durable; throws the refusal that its caller gets instead of an answer. */
  record(decision: DecisionInit): Promise<void> {
    if (this.#queue.length >= MAX_WAITING) return Promise.reject(unavailable('too many decisions wait for the ledger'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ decision, bytes: weigh(decision), sinceMs: this.#elapsedMs(), resolve, reject })
      this.#wake()
    })
  }

  /** Keeps a stream to the ledger open until `signal` aborts. */
  async run(ledger: Client<typeof AuditLedgerService>, signal: AbortSignal): Promise<void> {
    const looking = this.#loseHope(signal)
    for (let failures = 1; !signal.aborted; failures++) {
      const over = new AbortController()
      const open = AbortSignal.any([signal, over.signal])
      this.#giveUp = () => over.abort()
      try {
        for await (const { number } of ledger.recordDecisions(this.#batches(open), { signal: open, timeoutMs: 0 })) {
          failures = 0
          this.#written(number)
        }
      } catch (error) {
        if (!signal.aborted) this.#logger.warn({ task: 'decisions', error }, 'the stream of decisions broke')
      }
      over.abort()
      this.#queue = [...[...this.#sent.values()].flat(), ...this.#queue]
      this.#sent.clear()
      await this.#clock.sleep(backoffMs(failures, RECONNECT), signal)
    }
    await looking
    for (const { reject } of this.#queue.splice(0)) reject(unavailable('the gateway is stopping'))
  }

  /** All decisions that came in while those before were being written make the next message. */
  async *#batches(signal: AbortSignal): AsyncGenerator<{ number: bigint; decisions: DecisionInit[] }> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      if (!this.#isDue()) {
        // Goes on when the turn is over in which a decision was made, so that all of that turn share a message.
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const batch = this.#queue.splice(0, fitting(this.#queue))
      const number = ++this.#number
      this.#sent.set(number, batch)
      yield { number, decisions: batch.map(({ decision }) => decision) }
    }
  }

  #isDue(): boolean {
    if (this.#sent.size === 0) return this.#queue.length > 0
    return this.#sent.size < UNDERWAY && this.#queue.length >= FULL_ENOUGH
  }

  #written(number: bigint): void {
    const nowMs = this.#elapsedMs()
    for (const { sinceMs, resolve } of this.#sent.get(number) ?? []) {
      this.#took.observe({}, (nowMs - sinceMs) / 1_000)
      this.#turns.take(resolve)
    }
    this.#sent.delete(number)
    this.#wake()
  }

  /**
   * Refuses those that waited too long. What was not sent is not written any more, since nothing came of it; a ledger
   * that takes in and does not answer is left, and called anew.
   */
  async #loseHope(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await this.#clock.sleep(LOOK_EVERY_MS, signal)) {
      const limitMs = this.#elapsedMs() - PATIENCE_MS
      const isLate = ({ sinceMs }: Waiting) => sinceMs < limitMs
      if ([...this.#sent.values()].some((batch) => batch.some(isLate))) this.#giveUp()
      if (!this.#queue.some(isLate)) continue
      for (const { reject } of this.#queue.filter(isLate)) reject(unavailable('the ledger does not answer'))
      this.#queue = this.#queue.filter((waiting) => !isLate(waiting))
    }
  }
}

/** How many of those in front go into one message; at least one, if there is one. */
function fitting(queue: readonly Waiting[]): number {
  let bytes = 0
  const end = queue.findIndex((waiting, at) => at === BATCH || (bytes += waiting.bytes) > BATCH_BYTES)
  return end < 0 ? queue.length : Math.max(end, 1)
}

/** More than it has on the wire: a unit of a JavaScript text is three bytes at most. Peers choose these, more or less. */
function weigh(decision: DecisionInit): number {
  const { resourceKind = '', resourceId = '', nodeInstanceId = '', sdwanNetworkId = '' } = decision
  const { detail = '', axis = '', destinationRegion = '', resourceRegion = '', dataClass = '' } = decision
  const asked = resourceKind.length + resourceId.length + nodeInstanceId.length + sdwanNetworkId.length
  const said = detail.length + axis.length + destinationRegion.length + resourceRegion.length + dataClass.length
  return EACH_BYTES + 3 * (asked + said)
}

function unavailable(why: string): Refusal {
  return new Refusal('RECORD_UNAVAILABLE', `what was decided about this call cannot be written down now: ${why}`, {
    retryAfterMs: 1_000,
  })
}
