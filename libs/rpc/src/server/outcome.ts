import type { Interceptor } from '@connectrpc/connect'
import { REQUEST_ID } from '../calls/request-id.ts'
import type { Clock } from '@powernode/clock'
import { callRecordKey, type CallRecord } from './call-record.ts'
import { LIMITS } from './limits.ts'
import { nextUntil, until } from './until.ts'

/**
 * The outermost interceptor: every call ends here, as an answer, a refusal or a fault, and is recorded as that.
 *
 * It also ends calls whose handler does not: at the deadline, when the caller hangs up, and streams when the server
 * stops or an operator may no longer read it. The handler's signal says so at the same moment; a handler that does not
 * listen is left behind.
 */
export function outcomes(stopping: AbortSignal, clock: Clock): Interceptor {
  return (next) => async (req) => {
    const record = req.contextValues.get(callRecordKey)
    if (!record) throw new Error('a call without a record reached the interceptors')
    record.begun = true
    const access = new AbortController()
    const signal = req.stream ? AbortSignal.any([req.signal, stopping, access.signal]) : req.signal
    const done = new AbortController()
    if (req.stream && record.stillAllowed)
      void keepAsking(record.stillAllowed, access, clock, AbortSignal.any([signal, done.signal]))
    try {
      const res = await until(signal, next({ ...req, signal }))
      res.header.set(REQUEST_ID, record.requestId)
      if (res.stream) return { ...res, message: recorded(res.message, signal, { record, done }) }
      record.succeed()
      return res
    } catch (error) {
      done.abort()
      throw record.fail(error)
    }
  }
}

/** Ends a stream, with the refusal, once whoever reads it would not be let in again. */
export async function keepAsking(
  stillAllowed: () => Promise<unknown>,
  access: AbortController,
  clock: Clock,
  ended: AbortSignal,
): Promise<void> {
  for (await clock.sleep(LIMITS.sweepMs, ended); !ended.aborted; await clock.sleep(LIMITS.sweepMs, ended)) {
    try {
      await stillAllowed()
    } catch (error) {
      access.abort(error)
    }
  }
}

/** Passes a stream on until it ends or `signal` aborts, and records how it ended. */
async function* recorded<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  { record, done }: { record: CallRecord; done: AbortController },
): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]()
  const ended = (): void => void record.fail(signal.reason) // also while nobody reads, and so nobody asks for more
  signal.addEventListener('abort', ended, { once: true })
  try {
    for (let step = await nextUntil(signal, iterator); !step.done; step = await nextUntil(signal, iterator))
      yield step.value
    record.succeed()
  } catch (error) {
    throw record.fail(error)
  } finally {
    signal.removeEventListener('abort', ended)
    done.abort()
    record.abandon() // counts only when the reader went away in the middle
    void iterator.return?.().catch(() => {}) // not waited for: the handler may sit in an await that never ends
  }
}
