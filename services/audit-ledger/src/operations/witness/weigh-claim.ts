import { NoteFlaw, openNote, parseCheckpoint, rootAt, type Checkpoint, type Verifier } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as entries from '../../store/entries.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/** What a checkpoint that a peer holds against us says of our own log. */
export type Weighed =
  /** It is not signed by us, or not of this log: nothing follows from it. */
  | 'unproven'
  | 'agrees'
  /** We signed more than we hold: entries of ours are lost. */
  | 'lost'
  /** We signed something else than stands in our log. */
  | 'forked'

/**
 * A peer shows what it has witnessed of our log about it, and it is not what we thought.
 *
 * Only our own signature proves anything: what bears it we did say once. If our tree has another root at that size, our
 * log was rewritten, whoever did it; the two notes are the evidence.
 */
export async function weighClaim(
  tx: LedgerTx,
  now: Date,
  { peerId, note, verifierOf }: { peerId: string; note: string; verifierOf: (origin: string) => Verifier },
): Promise<Weighed> {
  const log = await logs.find(tx, peerId)
  const newest = log && (await checkpoints.newest(tx, log.id))
  const claim = log && claimed(note, verifierOf(log.origin))
  if (!log || !newest || !claim) return 'unproven'
  if (claim.size > (await entries.size(tx, log.id))) return 'lost'
  const root = await rootAt(tileReader(tx, log.id), claim.size)
  if (Buffer.compare(root, claim.root) === 0) return 'agrees'
  const detail = `size ${claim.size} of our log has another root than the one we signed and the peer witnessed`
  const notes = { firstNote: note, secondNote: newest.note }
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: 'fork', detail, ...notes })
  return 'forked'
}

function claimed(note: string, verifier: Verifier): Checkpoint | undefined {
  try {
    const { body } = openNote(note, [verifier])
    const checkpoint = parseCheckpoint(body)
    return checkpoint.origin === verifier.name ? checkpoint : undefined
  } catch (error) {
    if (error instanceof NoteFlaw) return undefined
    throw error
  }
}
