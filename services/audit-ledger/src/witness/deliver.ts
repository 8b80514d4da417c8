import type { Db } from '@powernode/postgres'
import { inTransaction } from '@powernode/postgres'
import type { Clock } from '@powernode/clock'
import type { Verifier } from '@powernode/tlog'
import { keepCosignatures } from '../operations/witness/keep-cosignatures.ts'
import { nextDelivery, type Delivery } from '../operations/witness/next-delivery.ts'
import type { Tables } from '../store/tables.ts'
import type { CourierMetrics } from './courier-metrics.ts'

/** What a witness made of a delivery. */
export type Answer =
  /** Signature lines, and whose they have to be. */
  | { readonly kind: 'cosigned'; readonly lines: readonly string[]; readonly verifier: Verifier }
  /** It has seen another size than we thought: from there, if that is right. */
  | { readonly kind: 'conflict'; readonly lastSeen: number }

/** A way to a witness. Throws when there is no answer that can be used. */
export type Carrier = {
  /** Under which name it signs; undefined while it is not known. */
  readonly witnessName: () => Promise<string | undefined>
  readonly carry: (delivery: Delivery, signal: AbortSignal) => Promise<Answer>
}

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly metrics: CourierMetrics }

/** A witness that sees a third size each time it is asked is not one to argue with. */
const MOST_CONFLICTS = 2

/**
 * Brings a witness our newest checkpoint of one log, until it has cosigned that. What is newer by then has a turn of its own,
 * which the cosignature rings for: a witness that is slow, and of a log that always grows, gives its place to another.
 *
 * Nothing is remembered between two deliveries but what is in the tables: whoever takes over goes on from there. What came
 * of it is stored before it counts, and a second cosignature of the same size changes nothing.
 */
export async function deliver(deps: Deps, log: string, carrier: Carrier, signal: AbortSignal): Promise<void> {
  const { db, clock, metrics } = deps
  let lastSeen: number | undefined
  for (let conflicts = 0; !signal.aborted;) {
    const witness = await carrier.witnessName()
    const asked = { log, witness, ...(lastSeen !== undefined && { lastSeen }) }
    const delivery = await inTransaction(db, (tx) => nextDelivery(tx, clock.now(), asked))
    if (!delivery) return
    const answer = await carrier.carry(delivery, signal)
    if (answer.kind === 'conflict') {
      conflicts += 1
      if (conflicts > MOST_CONFLICTS || answer.lastSeen > delivery.size)
        throw new Error(`the witness has seen size ${answer.lastSeen} of the log, of ${delivery.size}`)
      lastSeen = answer.lastSeen
      continue
    }
    const { lines, verifier } = answer
    if (!(await inTransaction(db, (tx) => keepCosignatures(tx, clock.now(), { delivery, lines, verifier }))))
      throw new Error(`${verifier.name} answered without a cosignature of its own`)
    metrics.cosignedAfter.observe((clock.now().getTime() - delivery.signedAt.getTime()) / 1_000)
    return
  }
}
