import type { ClientReadableStream, Metadata } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { Refusal } from '@powernode/rpc'

/** A stream of answers that has begun. */
export type OpenStream = {
  /** What the peer sent before its first answer. */
  readonly headers: Metadata
  readonly answers: AsyncIterable<Buffer>
}

type Until = { readonly clock: Clock; readonly deadline: Date; readonly signal: AbortSignal }

/**
 * Waits until a stream has begun: then the peer has let the call in. What goes wrong before is thrown, and another way
 * can be tried; what goes wrong later ends the answers.
 */
export async function openStream(
  call: ClientReadableStream<Buffer>,
  { clock, deadline, signal }: Until,
): Promise<OpenStream> {
  const begun = Promise.withResolvers<Metadata>()
  const settled = new AbortController()
  const cancel = () => call.cancel()
  call.once('metadata', begun.resolve)
  call.once('error', begun.reject)
  call.once('close', () => signal.removeEventListener('abort', cancel))
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  const ms = deadline.getTime() - clock.now().getTime()
  void clock.sleep(ms, settled.signal).then(() => {
    if (settled.signal.aborted) return
    begun.reject(new Refusal('PEER_UNREACHABLE', `the peer did not begin to answer within ${ms} ms`))
    call.cancel()
  })
  let failure: Error | undefined
  call.on('error', (error) => (failure ??= error))
  try {
    return { headers: await begun.promise, answers: readAll(call, () => failure) }
  } finally {
    settled.abort()
  }
}

/** A stream that failed before anybody read it looks, to a reader, like one that has ended: the failure is kept for it. */
async function* readAll(
  call: AsyncIterable<Buffer>,
  failureOf: () => Error | undefined,
): AsyncGenerator<Buffer, undefined> {
  yield* call
  const failure = failureOf()
  if (failure) throw failure
}
