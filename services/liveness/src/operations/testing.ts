import { randomUUID } from 'node:crypto'
import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { inTransaction, type Db } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import { EventSchema, SeveritySchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { eventRegistry } from '@powernode/proto/registry.ts'
import { sql } from 'kysely'
import { NO_BOOKMARK } from '../bookmark.ts'
import type { Beat } from '../heard-beat.ts'
import { mintNonce } from '../own-nonces.ts'
import type { AnsweredBeat, FailedBeat } from '../own-beat.ts'
import type { PeerView } from './record-beats.ts'
import * as listening from '../store/listening.ts'
import type { Tables } from '../store/tables.ts'

export const START = new Date('2026-05-01T12:00:00Z')
export const at = (ms: number): Date => new Date(START.getTime() + ms)

export const livenessDatabase = (): Promise<TestDatabase<Tables>> =>
  testDatabase<Tables>({ schema: 'liveness', dir: new URL('../../migrations', import.meta.url) })

/** Somebody listens, and has for long: without that nobody falls silent. */
export async function listens(db: Db<Tables>, now = START, tickMs = 2 ** 29): Promise<void> {
  const since = new Date(now.getTime() - 86_400_000)
  await inTransaction(db, (tx) => listening.save(tx, { since, reason: 'started', tickedAt: now }, tickMs))
}

export const aPeer = (said: Partial<PeerView> = {}): PeerView => ({
  peerId: randomUUID(),
  state: 'enrolled',
  staleAfterMs: 300_000,
  trustBundleSequence: 1n,
  ...said,
})

export const aBeat = (said: Partial<Beat> = {}): Beat => ({
  receivedAt: START,
  nonce: mintNonce(),
  echoNonce: Buffer.alloc(0),
  epoch: 1n,
  incarnation: Buffer.alloc(16, 'a'),
  sequence: 1n,
  bookmark: null,
  describes: false,
  descriptionSha256: Buffer.alloc(0),
  trustBundleSequence: 1n,
  ...said,
})

export const anAnswer = (said: Partial<AnsweredBeat> = {}): AnsweredBeat => ({
  nonce: mintNonce(),
  sentAt: START,
  answeredAt: at(4),
  theirReceivedAt: at(102),
  theirSentAt: at(102),
  stateThere: 'enrolled',
  versionStatusThere: '',
  bookmark: NO_BOOKMARK,
  trustBundleSequence: 1n,
  nextBeatAt: at(60_000),
  ...said,
})

export const aFailure = (said: Partial<FailedBeat> = {}): FailedBeat => ({
  nonce: mintNonce(),
  sentAt: START,
  failedAt: at(10),
  error: 'PEER_UNREACHABLE: nobody answers',
  nextBeatAt: at(60),
  ...said,
})

/** What waits in the outbox, oldest first. */
export async function announced(db: Db<Tables>) {
  const { rows } = await sql<{ subject: string; event: Buffer }>`
    select subject, event from outbox order by position`.execute(db)
  return rows.map(({ subject, event }) => {
    const { kind, severity, peerId, actor, payload } = fromBinary(EventSchema, event)
    return {
      subject,
      word: subject.split('.')[2],
      kind,
      severity: SeveritySchema.value[severity]?.localName,
      peerId,
      actor,
      payload: payload && anyUnpack(payload, eventRegistry),
    }
  })
}

/** The words of the news about one peer. */
export const newsOf = async (db: Db<Tables>, peerId: string): Promise<readonly (string | undefined)[]> =>
  (await announced(db)).filter((event) => event.peerId === peerId).map(({ word }) => word)
