import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import { deadLetters, outboxStanding } from '@powernode/events'
import { databaseStanding, replacedBy, SEALING_TROUBLE, type Db, type SealingKeyIds } from '@powernode/postgres'
import {
  DatabaseVitalsSchema,
  OutboxVitalsSchema,
  type DatabaseVitals,
  type OutboxVitals,
} from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { inTime, lineOf, oneAtATime, type Patience } from './in-time.ts'

export type Database<DB> = {
  readonly db: Db<DB>
  readonly schema: string
  readonly migrations: string | URL
  /** The sealing key that this process was given, where its schema keeps what is sealed. */
  readonly sealing?: { readonly ids: SealingKeyIds }
}

/** An answer, or why there is none. */
export type Told<T> = { readonly told: T; readonly fault: '' } | { readonly told: undefined; readonly fault: string }

/** What is asked of a database. */
export type DatabaseQuestions = {
  readonly vitals: (patience: Patience) => Promise<DatabaseVitals>
  readonly outbox: (patience: Patience) => Promise<Told<OutboxVitals>>
  /** How many messages each consumer has laid aside. */
  readonly deadLetters: (patience: Patience) => Promise<Told<ReadonlyMap<string, number>>>
}

export function databaseQuestions<DB>(
  { db, schema, migrations, sealing }: Database<DB>,
  clock: Clock,
): DatabaseQuestions {
  const standing = oneAtATime(async () => {
    const [askedMs, sinceMs] = [clock.now().getTime(), clock.elapsed()]
    const said = await databaseStanding(db, schema, migrations)
    const tookMs = clock.elapsed() - sinceMs
    const newest = sealing && (await replacedBy(db, sealing))
    return { ...said, newest, tookMs, offsetMs: said.clockMs - (askedMs + tookMs / 2) }
  })
  const waiting = oneAtATime(() => outboxStanding(db))
  const laidAside = oneAtATime(() => deadLetters(db))
  return {
    async vitals(patience) {
      try {
        const { schemaVersion, expectedSchemaVersion, newest, tookMs, offsetMs } = await inTime(standing(), patience)
        return create(DatabaseVitalsSchema, {
          reachable: true,
          ...(newest !== undefined && { detail: `${SEALING_TROUBLE.replaced} (${newest})` }),
          roundTrip: durationFromMs(Math.round(tookMs)),
          schemaVersion,
          expectedSchemaVersion,
          clockOffset: durationFromMs(Math.round(offsetMs)),
        })
      } catch (error) {
        return create(DatabaseVitalsSchema, { reachable: false, detail: lineOf(error) })
      }
    },
    async outbox(patience) {
      const { told, fault } = await toldOf(inTime(waiting(), patience))
      if (!told) return { told, fault }
      const oldest = told.oldestAt && { oldestAt: timestampFromDate(told.oldestAt) }
      return { told: create(OutboxVitalsSchema, { waiting: BigInt(told.waiting), ...oldest }), fault }
    },
    deadLetters: (patience) => toldOf(inTime(laidAside(), patience)),
  }
}

async function toldOf<T>(asked: Promise<T>): Promise<Told<T>> {
  try {
    return { told: await asked, fault: '' }
  } catch (error) {
    return { told: undefined, fault: lineOf(error) }
  }
}
