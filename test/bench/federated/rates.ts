import { systemClock } from '@powernode/clock'
import { refusalOf } from '@powernode/rpc'

/** Asks once. */
export type Ask = () => Promise<unknown>
/** How long calls were waited for, in milliseconds, and how often one was refused for the moment and asked again. */
export type Waited = { readonly waits: readonly number[]; readonly refusedForNow: number }

/** As fast as answers come, so many calls at a time: what the road can carry. */
export async function askAtOnce(ask: Ask, calls: number, atOnce: number): Promise<Waited> {
  const waits: number[] = []
  let [left, refusedForNow] = [calls, 0]
  const asker = async () => {
    while (left-- > 0) {
      const askedAt = performance.now()
      refusedForNow += await untilAnswered(ask)
      waits.push(performance.now() - askedAt)
    }
  }
  await Promise.all([...Array(atOnce)].map(asker))
  return { waits, refusedForNow }
}

/**
 * So many calls a second, whether or not those before were answered, as callers come that do not know of each other. Waited
 * for from the moment each was due: one that is sent late, because all was busy with another, has waited already.
 */
export async function askEvery(ask: Ask, calls: number, perSecond: number): Promise<Waited> {
  const waits: number[] = []
  const asked: Promise<void>[] = []
  let refusedForNow = 0
  const beganAt = performance.now()
  const dueAt = (call: number) => beganAt + (call * 1_000) / perSecond
  const one = async (call: number) => {
    refusedForNow += await untilAnswered(ask)
    waits.push(performance.now() - dueAt(call))
  }
  const { signal } = new AbortController()
  for (; asked.length < calls; await systemClock.sleep(1, signal))
    while (asked.length < calls && dueAt(asked.length) <= performance.now()) asked.push(one(asked.length))
  await Promise.all(asked)
  return { waits, refusedForNow }
}

/** A machine with more to do than processors lets a lease run out now and then: asked again, and counted. */
async function untilAnswered(ask: Ask): Promise<number> {
  let refused = 0
  while (!(await ask().then(Boolean, isForNow))) refused += 1
  return refused
}

/** False: to be asked again. Any other refusal is a fault of the bench. */
function isForNow(error: unknown): false {
  if (refusalOf(error)?.reason === 'POLICY_STALE') return false
  throw error
}
