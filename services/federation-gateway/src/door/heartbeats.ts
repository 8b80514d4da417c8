import { toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import {
  HeartbeatRequestSchema,
  type HeartbeatRequest,
  type HeartbeatResponse,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { HeardHeartbeatSchema, LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'

type Heard = MessageInitShape<typeof HeardHeartbeatSchema>
type Waiting = {
  readonly heard: Heard
  readonly bytes: number
  readonly resolve: (response: HeartbeatResponse) => void
  readonly reject: (error: unknown) => void
}

/** As many as liveness takes in one message (its proto says 4096), with room to keep messages small. */
const BATCH = 1024
/** And as large: a message beyond what it reads (1 MiB) would break the stream for the beats of all peers. */
const BATCH_BYTES = 524_288
/** A beat with the largest description that liveness takes. */
const LARGEST_BEAT = 262_144
/** More than this is not waited for: an answer that late is of no use to the peer. */
const MAX_WAITING = 20_000
const RECONNECT_FIRST_MS = 50
const RECONNECT_MAX_MS = 2_000

/**
 * Inbound beats, on their way to liveness: many in one message on one long stream, answered by number in any order.
 *
 * While the stream is down, beats wait for the next one until their deadline passes. A beat that was sent and not
 * answered is refused as "try again": repeating it is safe, since each beat says all it has to say anew.
 */
export class Heartbeats {
  readonly #clock: Clock
  readonly #queue: Waiting[] = []
  readonly #sent = new Map<bigint, Waiting>()
  #number = 0n
  #wake: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Hands a peer's beat to liveness and returns what it answers. */
  async record(
    peerId: string,
    heartbeat: HeartbeatRequest,
    within: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<HeartbeatResponse> {
    if (this.#queue.length + this.#sent.size >= MAX_WAITING) throw away('too many beats are waiting for liveness')
    const bytes = toBinary(HeartbeatRequestSchema, heartbeat).length
    if (bytes > LARGEST_BEAT) throw tooLarge(bytes)
    const settled = new AbortController()
    const number = ++this.#number
    const { promise, resolve, reject } = Promise.withResolvers<HeartbeatResponse>()
    const waiting = {
      heard: { number, peerId, heartbeat, receivedAt: timestampFromDate(this.#clock.now()) },
      bytes,
      resolve,
      reject,
    }
    this.#queue.push(waiting)
    this.#wake()
    void this.#clock.sleep(within.timeoutMs, AbortSignal.any([settled.signal, within.signal])).then(() => {
      reject(new Refusal('DEADLINE_EXCEEDED', 'liveness did not answer in time'))
    })
    try {
      return await promise
    } finally {
      settled.abort()
      this.#sent.delete(number)
      const place = this.#queue.indexOf(waiting)
      if (place >= 0) this.#queue.splice(place, 1)
    }
  }

  /** Keeps a stream to liveness open until `signal` aborts. */
  async run(liveness: Client<typeof LivenessService>, logger: Logger, signal: AbortSignal): Promise<void> {
    let waitMs = RECONNECT_FIRST_MS
    while (!signal.aborted) {
      const over = new AbortController()
      const batches = this.#batches(AbortSignal.any([signal, over.signal]))
      try {
        for await (const { heartbeats } of liveness.recordHeartbeats(batches, { signal, timeoutMs: 0 })) {
          waitMs = RECONNECT_FIRST_MS
          for (const { number, response } of heartbeats) this.#answered(number, response)
        }
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ task: 'heartbeats', retry_in_ms: waitMs, error }, 'the stream of beats broke')
      }
      over.abort()
      this.#lost()
      await this.#clock.sleep(waitMs, signal)
      waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS)
    }
    for (const { reject } of this.#queue.splice(0)) reject(away('the gateway is stopping'))
  }

  /** All beats that came in while the one before was being written make the next message. */
  async *#batches(signal: AbortSignal): AsyncGenerator<{ heartbeats: Heard[] }> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      const batch = this.#queue.splice(0, fitting(this.#queue))
      if (batch.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      for (const waiting of batch) this.#sent.set(waiting.heard.number ?? 0n, waiting)
      yield { heartbeats: batch.map(({ heard }) => heard) }
    }
  }

  #answered(number: bigint, response: HeartbeatResponse | undefined): void {
    const waiting = this.#sent.get(number)
    if (response) waiting?.resolve(response)
    else waiting?.reject(away('liveness could not record the beat'))
  }

  #lost(): void {
    for (const { reject } of this.#sent.values()) reject(away('liveness went away before it answered'))
    this.#sent.clear()
  }
}

/** How many of those in front go into one message; at least one, if there is one. */
function fitting(queue: readonly Waiting[]): number {
  let bytes = 0
  const end = queue.findIndex((waiting, at) => at === BATCH || (bytes += waiting.bytes) > BATCH_BYTES)
  return end < 0 ? queue.length : end
}

function tooLarge(bytes: number): Refusal {
  return new Refusal('MESSAGE_TOO_LARGE', `a heartbeat may have ${LARGEST_BEAT} bytes at most`, {
    metadata: { limit_bytes: String(LARGEST_BEAT), bytes: String(bytes) },
    next: 'describe the platform in fewer words: its capabilities are the part without a limit of their own',
  })
}

function away(message: string): Refusal {
  return new Refusal('SERVICE_UNAVAILABLE', message, { retryAfterMs: 1_000 })
}
