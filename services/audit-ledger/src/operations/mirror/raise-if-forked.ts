import { parseCheckpoint, parseNote } from '@powernode/tlog'
import type { MirrorHead } from '../../mirrored.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessed from '../../store/witnessed.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'
import type { SignedHead } from './open-peer-checkpoint.ts'

type Seen = {
  readonly peerId: string
  /** Signed, and what the delivery came with. */
  readonly signed: SignedHead
  readonly held: MirrorHead | undefined
  /** Of the peer's tree at each size on the way to what it delivered, when all of it belongs to `signed`. */
  readonly roots: ReadonlyMap<number, () => Uint8Array>
}

type Note = { readonly size: number; readonly root: Uint8Array; readonly note: string }

/**
 * Looks whether what a peer signed now contradicts what it signed before, and if so keeps both notes as an alarm. Returns
 * what was found.
 *
 * Two notes of one size say it by themselves; and of an earlier size the delivered entries do, since they lead to the one
 * note and past the other. Entries that merely do not fit prove nothing: anybody on the way can spoil them.
 */
export async function raiseIfForked(tx: LedgerTx, now: Date, seen: Seen): Promise<string | undefined> {
  const { peerId, signed } = seen
  const other = await contradiction(tx, seen)
  if (!other) return undefined
  const detail = `the log had another root at size ${other.size}`
  const notes = { firstNote: other.note, secondNote: signed.note }
  await raiseAlarm(tx, now, { peerId, whose: 'theirs', kind: 'fork', detail, ...notes })
  return detail
}

async function contradiction(tx: LedgerTx, { peerId, signed, held, roots }: Seen): Promise<Note | undefined> {
  const { origin, size, root } = signed
  const ofSameSize: Note[] = []
  const seen = await witnessed.ofSize(tx, { peerId, origin }, size)
  if (seen) ofSameSize.push(seen)
  if (held?.checkpointSize === size) ofSameSize.push(noteOf(held.checkpoint))
  const twin = ofSameSize.find((one) => differs(one.root, root))
  if (twin) return twin
  const sizes = [...roots.keys()]
  const onTheWay = await witnessed.ofSizes(tx, { peerId, origin }, { from: sizes[0] ?? 0, to: sizes.at(-1) ?? -1 })
  return onTheWay.find((one) => differs(one.root, roots.get(one.size)?.() ?? one.root))
}

function noteOf(note: string): Note {
  const { size, root } = parseCheckpoint(parseNote(note).body)
  return { size, root, note }
}

const differs = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) !== 0
