import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Appender } from '../append/appender.ts'
import type { NewEntry, Place } from '../new-entry.ts'
import { placesOf } from '../operations/append/append-entries.ts'
import { proveEntry } from '../operations/read/prove-entry.ts'
import type { CheckpointBells } from '../signing/checkpoint-bells.ts'
import { newEntryFromWire } from './append-wire.ts'
import { actIn, type DoorDeps } from './door.ts'
import { awaitSigned } from './await-signed.ts'

export type AppendDeps = DoorDeps & { readonly appender: Appender; readonly bells: CheckpointBells }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, 'append' | 'appendStream'>

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

    /** One message after the other: what a gateway has to say meanwhile waits with it, and makes its next message. */
    async *appendStream(messages) {
      for await (const { number, entries } of messages) {
        const items = entries.map((entry) => newEntryFromWire(entry, clock.now()))
        const places = placesOf(await appender.append(items), items)
        yield { number, places: places.map(placeToWire) }
      }
    },
  }
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

function placeToWire({ sequence, treeSize }: Place) {
  return { sequence: BigInt(sequence), treeSize: BigInt(treeSize) }
}
