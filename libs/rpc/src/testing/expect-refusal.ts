import { refusalOf } from '../errors/refusal-of.ts'
import type { Reason, Refusal } from '../errors/refusal.ts'

/**
 * Waits for a refusal with this reason, and returns it for a closer look. Anything else fails the test: an answer,
 * another reason, or a fault, which is how a broken check would look too.
 */
export async function expectRefusal(promise: PromiseLike<unknown>, reason: Reason): Promise<Refusal> {
  const answer = await promise.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in answer) throw new Error(`expected the refusal ${reason}, got an answer`)
  const refusal = refusalOf(answer.error)
  if (!refusal) throw new Error(`expected the refusal ${reason}, got another error`, { cause: answer.error })
  if (refusal.reason !== reason)
    throw new Error(`expected the refusal ${reason}, got ${refusal.reason}: ${refusal.message}`)
  return refusal
}
