import { create } from '@bufbuild/protobuf'
import { busStanding, type Bus, type StreamName } from '@powernode/events'
import {
  BusVitalsSchema,
  ConsumerVitalsSchema,
  type BusVitals,
  type ConsumerVitals,
} from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import type { DatabaseQuestions } from './database.ts'
import { inTime, lineOf, type Patience } from './in-time.ts'

export type News = {
  readonly bus: Bus
  readonly stream: StreamName
  /** What the service hears; none: its schema has no inbox. */
  readonly subscriptions?: readonly { readonly consumer: string; readonly stream: StreamName }[]
}

export async function newsVitals(
  { bus, stream, subscriptions = [] }: News,
  questions: DatabaseQuestions | undefined,
  patience: Patience,
): Promise<{ readonly bus: BusVitals; readonly consumers: ConsumerVitals[] }> {
  const asked = { bus, stream, subscriptions, timeoutMs: patience.withinMs }
  const [{ connected, detail, consumers }, laidAside] = await Promise.all([
    standingOf(asked, patience),
    subscriptions.length > 0 ? questions?.deadLetters(patience) : undefined,
  ])
  return {
    bus: create(BusVitalsSchema, { connected, detail, stream }),
    consumers: consumers.map(({ name, pending, unsettled, detail: why }) =>
      create(ConsumerVitalsSchema, {
        name,
        pending: BigInt(pending),
        unsettled: BigInt(unsettled),
        deadLetters: BigInt(laidAside?.told?.get(name) ?? 0),
        detail: why || (laidAside?.fault ? `what it laid aside is not known: ${laidAside.fault}` : ''),
      }),
    ),
  }
}

/** A bus that does not answer is as good as none. */
async function standingOf(asked: Parameters<typeof busStanding>[0], patience: Patience) {
  const over = new AbortController()
  try {
    return await inTime(busStanding(asked, over.signal), patience)
  } catch (error) {
    const detail = `JetStream does not answer: ${lineOf(error)}`
    const consumers = asked.subscriptions.map(({ consumer: name }) => ({ name, pending: 0, unsettled: 0, detail }))
    return { connected: false, detail, consumers }
  } finally {
    over.abort()
  }
}
