import { rootAt } from '@powernode/tlog'
import type { OwnNote } from '../../lost.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/**
 * `whole`: nothing that we signed is missing, and the log goes on. `lost`: entries from `from` on are missing, and the log
 * waits for them. `apart`: it has grown otherwise than we signed, and waits for an operator.
 */
export type Verdict =
  | { readonly kind: 'whole' }
  | { readonly kind: 'lost'; readonly from: number; readonly signed: OwnNote }
  | { readonly kind: 'apart' }

/**
 * Holds our log against what we have signed of it, as a peer shows it with our own signature.
 *
 * Under the log's lock, so that nothing is appended between the look and the hold.
 */
export async function judgeOwnLog(
  tx: LedgerTx,
  now: Date,
  { peerId, notes }: { readonly peerId: string; readonly notes: readonly OwnNote[] },
): Promise<Verdict> {
  const [end] = await logs.takeEnds(tx, [peerId])
  if (!end) return { kind: 'whole' }
  const reason = await holds.reasonOf(tx, end.id)
  for (const note of notes) {
    if (note.size > end.size) continue
    const root = await rootAt(tileReader(tx, end.id), note.size)
    if (Buffer.compare(root, note.root) !== 0) return apart(tx, now, { peerId, note, size: end.size })
  }
  const newest = notes.toSorted((one, other) => other.size - one.size)[0]
  if (newest && newest.size > end.size) {
    if (reason !== mirrorHolds.LOST)
      await holds.change(tx, { logId: end.id, held: true, reason: mirrorHolds.LOST }, now)
    return { kind: 'lost', from: end.size, signed: newest }
  }
  if (reason === mirrorHolds.IN_DOUBT || reason === mirrorHolds.LOST)
    await holds.change(tx, { logId: end.id, held: false, reason: 'nothing that we signed is missing' }, now)
  return { kind: 'whole' }
}

type Apart = { readonly peerId: string; readonly note: OwnNote; readonly size: number }

/** Our log says otherwise than a note that we signed. Both stay as evidence, and the log waits until an operator settles it. */
export async function apart(tx: LedgerTx, now: Date, { peerId, note, size }: Apart): Promise<Verdict> {
  const log = await logs.find(tx, peerId)
  if (!log) return { kind: 'whole' }
  const ours = await checkpoints.newest(tx, log.id)
  const detail = `our log of ${size} entries is not the one that we signed at size ${note.size}, and the peer has seen`
  const evidence = { firstNote: note.note, secondNote: ours?.note ?? '' }
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: 'fork', detail, ...evidence })
  if ((await holds.reasonOf(tx, log.id)) !== mirrorHolds.APART)
    await holds.change(tx, { logId: log.id, held: true, reason: mirrorHolds.APART }, now)
  return { kind: 'apart' }
}
