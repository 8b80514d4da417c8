import { checkConsistency, EMPTY_ROOT } from '@powernode/tlog'
import type { Alarm } from '../../alarm.ts'
import { openCheckpoint, type CheckpointFlaw, type PeerCheckpoint } from '../../peer-checkpoint.ts'
import type { PeerKeys } from '../../peer-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { Witnessed } from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'
import { noteRegression } from './note-regression.ts'
import { saidOtherwise, type Otherwise } from './said-otherwise.ts'

export type Submitted = {
  readonly keys: PeerKeys
  readonly note: string
  /** What we witnessed last, as far as whoever submits knows. */
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  /** The peer itself, by its certificate; else anybody, since a checkpoint is no secret. */
  readonly byPeer: boolean
}

/** Each is kept for ever; a busy log has forty a second. */
const MOST_A_MINUTE = 2_400
const MINUTE_MS = 60_000

/** What came of a checkpoint that was submitted. */
export type WitnessOutcome =
  | { readonly kind: 'witnessed'; readonly note: string; readonly at: Date }
  | { readonly kind: 'flawed'; readonly flaw: CheckpointFlaw; readonly detail: string }
  /** The old size is above the checkpoint's own. */
  | { readonly kind: 'backwards' }
  /** The old size is not what we witnessed last: this is. */
  | { readonly kind: 'conflict'; readonly size: number; readonly note: string }
  /** The log has had as many witnessed as may be in a minute. */
  | { readonly kind: 'often' }
  /** What was witnessed does not lead to this. */
  | { readonly kind: 'inconsistent'; readonly detail: string }
  /** Two truths, both signed by the log: this one had been witnessed, and `lastSize` was the last that was. */
  | {
      readonly kind: 'forked'
      readonly alarm: Alarm
      readonly size: number
      readonly note: string
      readonly lastSize: number
    }

/**
 * Somebody submits a checkpoint of a peer's log about us, to be witnessed (C2SP tlog-witness).
 *
 * What we saw last, the check against it and what is stored are one step under the log's lock; it MUST have committed
 * before anything is cosigned, or of two checkpoints at once the smaller could undo the larger. Whatever is found wrong is
 * an outcome and no refusal, because the alarm about it has to be committed as well.
 */
export async function witnessCheckpoint(tx: LedgerTx, now: Date, said: Submitted): Promise<WitnessOutcome> {
  const { keys, byPeer } = said
  const opened = openCheckpoint(said.note, keys)
  if ('flaw' in opened) return flawed(tx, now, said, opened)
  const { checkpoint } = opened
  await witnessed.lock(tx, keys.peerId)
  const before = await witnessed.newest(tx, keys)
  const other = await saidOtherwise(tx, keys, checkpoint)
  if (other) return forked(tx, now, said, { before: other, checkpoint, lastSize: before?.size ?? 0 })
  if (byPeer && before && checkpoint.size < before.size) await noteRegression(tx, now, { keys, checkpoint, before })
  if (said.oldSize > checkpoint.size) return { kind: 'backwards' }
  if (said.oldSize !== (before?.size ?? 0)) return conflict(before)
  const flaw = flawOfStep(said, before, checkpoint)
  // What the peer itself cannot show to continue what it signed is a fork; a stranger may have made up the proof.
  if (flaw !== undefined && byPeer && before)
    return forked(tx, now, said, { before, checkpoint, lastSize: before.size, flaw })
  if (flaw !== undefined) return { kind: 'inconsistent', detail: flaw }
  const { peerId, origin } = keys
  const isNew = before?.size !== checkpoint.size
  const aMinuteAgo = new Date(now.getTime() - MINUTE_MS)
  if (isNew && (await witnessed.areSince(tx, keys, { count: MOST_A_MINUTE, after: aMinuteAgo })))
    return { kind: 'often' }
  if (isNew) await witnessed.add(tx, { peerId, origin, ...checkpoint, at: now })
  return { kind: 'witnessed', note: checkpoint.note, at: now }
}

/** Why the step from what was witnessed to the checkpoint is none; undefined when it is one. */
function flawOfStep(
  { oldSize, proof }: Pick<Submitted, 'oldSize' | 'proof'>,
  before: Witnessed | undefined,
  { size, root }: PeerCheckpoint,
): string | undefined {
  if (size === 0 && !equal(root, EMPTY_ROOT)) return 'an empty log has the root of the empty tree'
  if (oldSize > 0 && before) return checkConsistency({ oldSize, oldRoot: before.root, size, root, proof })
  return proof.length > 0 ? 'from size 0 there is nothing to prove' : undefined
}

const conflict = (before: Witnessed | undefined): WitnessOutcome => ({
  kind: 'conflict',
  size: before?.size ?? 0,
  note: before?.note ?? '',
})

async function forked(
  tx: LedgerTx,
  now: Date,
  { keys: { peerId } }: Submitted,
  found: { before: Otherwise; checkpoint: PeerCheckpoint; lastSize: number; flaw?: string },
): Promise<WitnessOutcome> {
  const { before, checkpoint, lastSize, flaw } = found
  const detail = flaw
    ? `nothing leads from size ${before.size} to size ${checkpoint.size}: ${flaw}`
    : `size ${checkpoint.size} has two roots`
  const notes = { firstNote: before.note, secondNote: checkpoint.note }
  const alarm = await raiseAlarm(tx, now, { peerId, whose: 'theirs', kind: 'fork', detail, ...notes })
  return { kind: 'forked', alarm, size: before.size, note: before.note, lastSize }
}

/** A signature that names the log's key and is not the key's is worth an alarm when the peer itself brings it. */
async function flawed(
  tx: LedgerTx,
  now: Date,
  { keys, note, byPeer }: Submitted,
  { flaw, detail }: { flaw: CheckpointFlaw; detail: string },
): Promise<WitnessOutcome> {
  if (flaw === 'forged' && byPeer) {
    const before = await witnessed.newest(tx, keys)
    const notes = { firstNote: before?.note ?? '', secondNote: note }
    await raiseAlarm(tx, now, { peerId: keys.peerId, whose: 'theirs', kind: 'unsigned', detail, ...notes })
  }
  return { kind: 'flawed', flaw, detail }
}

const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
