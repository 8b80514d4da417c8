import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Talk } from '@powernode/rpc'
import type { Appender } from '../append/appender.ts'
import type { NewEntry, Place } from '../new-entry.ts'
import { placesOf } from '../operations/append/append-entries.ts'
import { proveEntry } from '../operations/read/prove-entry.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import { answerInOrder } from './answer-in-order.ts'
import { readTold, writeAnswer } from './append-frames.ts'
import { newEntryFromWire, placeToWire, writtenToWire } from './append-wire.ts'
import { actIn, type DoorDeps } from './door.ts'
import { awaitSigned } from './await-signed.ts'

export type AppendDeps = DoorDeps & { readonly appender: Appender; readonly bells: CheckpointBells }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, 'append' | 'appendStream'>

/** Messages of one stream that are written at a time. */
const MESSAGES_AT_ONCE = 16

/** Who writes: the gateway says what it decided, before its caller is answered. All others announce, and are heard. */
export const APPEND_CALLERS = {
  append: ['service/federation-gateway'],
  appendStream: ['service/federation-gateway'],
} as const

export function appendHandlers({ db, clock, appender, bells }: AppendDeps): Handlers {
  const act = actIn({ db, clock })

  return {
    async append({ entries, receipts }, { signal }) {
      const items = entries.map((entry) => newEntryFromWire(entry, clock.now()))
      const places = placesOf(await appender.append(items), items)
      if (!receipts) return { places: places.map(placeToWire) }
      for (const [log, size] of endsOf(items, places)) await awaitSigned({ act, clock, bells }, { log, size }, signal)
      const proofs = await act(async (tx, now) => {
        const proven: string[] = []
        for (const [at, { sequence }] of places.entries()) {
          const place = { log: items[at]?.log ?? '', sequence }
          proven.push((await proveEntry(tx, now, { place })).proof)
        }
        return proven
      })
      return { places: places.map(placeToWire), receipts: proofs }
    },

    /** Messages that come while a commit is under way share the next one. */
    appendStream: (messages) =>
      answerInOrder(messages, MESSAGES_AT_ONCE, async ({ number, entries }) => {
        const items = entries.map((entry) => newEntryFromWire(entry, clock.now()))
        return { number, ...writtenToWire(await appender.append(items)) }
      }),
  }
}

/** The same stream for callers in gRPC, as bytes. */
export function appendTalks({
  clock,
  appender,
}: Pick<AppendDeps, 'clock' | 'appender'>): Readonly<Record<string, Talk>> {
  const answer = async (message: Buffer): Promise<Uint8Array> => {
    const { number, entries } = readTold(message, clock.now())
    return writeAnswer(number, await appender.append(entries))
  }
  return { appendStream: { atOnce: MESSAGES_AT_ONCE, answer } }
}

/** How far each log has to be signed so that all of these entries are. */
function endsOf(items: readonly NewEntry[], places: readonly Place[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>()
  for (const [at, { sequence }] of places.entries()) {
    const log = items[at]?.log ?? ''
    ends.set(log, Math.max(ends.get(log) ?? 0, sequence + 1))
  }
  return ends
}
