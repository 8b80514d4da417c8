import { create } from '@bufbuild/protobuf'
import { Doorbell, systemClock } from '@powernode/clock'
import { AskSchema, BeginSchema, TickSchema, type Position } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { begun, position, settled, type Frame, type Said } from './frames.ts'

const ASK_EVERY_MS = 25

/**
 * A reader that keeps all it is told, in its order, and waits for what a test expects.
 *
 * It asks often and acknowledges at once; what it says it holds from before is `from`.
 */
export function readFeed<Update extends { readonly case: string | undefined }>(
  open: (requests: AsyncIterable<{ said: Said }>, signal: AbortSignal) => AsyncIterable<{ readonly update: Update }>,
  from?: Position,
) {
  const told: Update[] = []
  const stop = new AbortController()
  let held: Position | undefined
  let wake = Promise.withResolvers<void>()
  async function* say(): AsyncGenerator<{ said: Said }> {
    yield { said: { case: 'begin', value: create(BeginSchema, { reader: 'test', ...(from && { position: from }) }) } }
    for (let number = 1n; !stop.signal.aborted; number++) {
      yield { said: { case: 'ask', value: create(AskSchema, { number, ...(held && { position: held }) }) } }
      await systemClock.sleep(ASK_EVERY_MS, stop.signal)
    }
  }
  const read = async () => {
    try {
      for await (const { update } of open(say(), stop.signal)) {
        const frame = update as Frame // or something told, which has another `case`
        if (frame.case === 'position') held = frame.value
        told.push(update)
        wake.resolve()
        wake = Promise.withResolvers()
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  }
  const done = read()
  /** What was told from `at` on, up to what `isIt` recognises; waits for it. Rejects when the stream breaks. */
  const until = async (isIt: (update: Update) => boolean, at = 0): Promise<Update[]> => {
    for (;;) {
      const found = told.findIndex((update, index) => index >= at && isIt(update))
      if (found >= 0) return told.slice(at, found + 1)
      await Promise.race([wake.promise, done.then(() => Promise.reject(new Error('the stream has ended')))])
    }
  }
  const end = async () => {
    stop.abort()
    await done
  }
  return { told, until, done, end, get position() { return held } } // prettier-ignore
}

export const isTick = ({ case: what }: { readonly case: string | undefined }): boolean => what === 'tick'
export const isPosition = ({ case: what }: { readonly case: string | undefined }): boolean => what === 'position'

/**
 * A feed as its readers meet it, without a database behind it: what it tells, and whether it vouches, the test decides.
 */
export class ToldFeed<Update> {
  leaseMs = 1_000
  ticking = true
  readonly #everything: () => Iterable<Update>
  readonly #streams = new Set<{ readonly waiting: (Update | Frame)[]; readonly bell: Doorbell }>()
  #epoch = 1n

  /** `everything` is what a reader is told first. */
  constructor(everything: () => Iterable<Update>) {
    this.#everything = everything
  }

  /** How many readers there are. */
  get size(): number {
    return this.#streams.size
  }

  /** Tells all readers, at an epoch of its own. */
  tell(...updates: Update[]): void {
    this.#epoch += 1n
    for (const { waiting, bell } of this.#streams) {
      waiting.push(...updates, this.#position(), settled(this.#epoch))
      bell.ring()
    }
  }

  async *follow(
    requests: AsyncIterable<{ readonly said: Said }>,
    signal: AbortSignal,
  ): AsyncGenerator<{ update: Update | Frame }> {
    const stream = {
      waiting: [begun(true), ...this.#everything(), this.#position(), settled(this.#epoch)],
      bell: new Doorbell(),
    }
    const over = new AbortController()
    const stop = AbortSignal.any([signal, over.signal])
    this.#streams.add(stream)
    void this.#hear(requests, stream).finally(() => over.abort())
    try {
      while (!stop.aborted) {
        for (const update of stream.waiting.splice(0)) yield { update }
        await stream.bell.wait(systemClock, 1_000, stop)
      }
    } finally {
      this.#streams.delete(stream)
    }
  }

  async #hear(
    requests: AsyncIterable<{ readonly said: Said }>,
    { waiting, bell }: { readonly waiting: (Update | Frame)[]; readonly bell: Doorbell },
  ): Promise<void> {
    try {
      for await (const { said } of requests) {
        if (said.case !== 'ask' || !this.ticking) continue
        waiting.push({
          case: 'tick',
          value: create(TickSchema, { number: said.value.number, leaseMs: this.leaseMs }),
        })
        bell.ring()
      }
    } catch {
      // the reader is gone, which ends the stream
    }
  }

  #position(): Frame {
    return position({ epoch: this.#epoch, mark: Buffer.alloc(16, 1) })
  }
}
