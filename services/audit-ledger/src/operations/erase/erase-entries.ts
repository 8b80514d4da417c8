import { Refusal } from '@powernode/rpc'
import canonicalize from 'canonicalize'
import { entriesErased } from '../../events/erasures.ts'
import { publicActor } from '../../new-entry.ts'
import * as entries from '../../store/entries.ts'
import * as erasures from '../../store/erasures.ts'
import * as events from '../../store/events.ts'
import * as logs from '../../store/logs.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { appendEntries } from '../append/append-entries.ts'
import { withErasures, type Shown } from '../read/list-entries.ts'

export type Said = {
  readonly log: string
  readonly sequences: readonly number[]
  readonly reason: string
  readonly actor: string
  readonly dryRun: boolean
}

const ERASED = 'federation.audit.erased'

/**
 * Deletes salt and payload of entries. The leaves stay, and with them every proof; of what they said only a hash is left that
 * nobody can try guesses against.
 *
 * Who, when and why share one transaction with the deletion, in an entry of the same log: nobody erases in silence. What has no
 * payload any more, or never had one, is left as it is. What was erased goes from the feed too, where it stands as it was told. The event of the same id is announced. Returns the entries as they are now; with `dryRun`, as they are.
 */
export async function eraseEntries(tx: LedgerTx, now: Date, said: Said): Promise<readonly Shown[]> {
  const { log: name, reason, actor, dryRun } = said
  const sequences = [...new Set(said.sequences)].sort((a, b) => a - b)
  const log = await logs.find(tx, name)
  const rows = log ? await entries.ofSequences(tx, log.id, sequences) : []
  const there = new Set(rows.map(({ sequence }) => sequence))
  const missing = sequences.find((sequence) => !there.has(sequence))
  if (!log || missing !== undefined) throw await notThere(tx, name, missing ?? 0)
  if (dryRun) return withErasures(tx, rows)

  const erasable = rows.filter(({ body }) => body !== null).map(({ sequence }) => sequence)
  if (erasable.length > 0) {
    const id = await entriesErased(tx, { log: name, sequences: erasable, reason, actor, at: now })
    const body = canonicalize({ actor, log: name, reason, sequences: erasable.map(String) })
    const record = { id, log: name, action: ERASED, at: now, actor: publicActor(actor), disclosed: false }
    const [place] = await appendEntries(tx, now, [{ ...record, payload: Buffer.from(body ?? '') }])
    const why = { logId: log.id, ranOut: false, at: now, actor, reason, recordedAt: place?.sequence ?? null }
    await erasures.add(
      tx,
      erasable.map((sequence) => ({ ...why, first: sequence, last: sequence })),
    )
    await events.forget(
      tx,
      rows.map(({ id: told }) => told),
    )
  }
  return withErasures(tx, await entries.ofSequences(tx, log.id, sequences))
}

async function notThere(tx: LedgerTx, name: string, sequence: number): Promise<Refusal> {
  const log = await logs.find(tx, name)
  const metadata = { log: name, sequence: String(sequence) }
  if (log && sequence < (await prunings.prunedBelow(tx, log.id)))
    return new Refusal('ENTRY_PRUNED', `entry ${sequence} is gone by retention`, { metadata })
  return new Refusal('ENTRY_NOT_FOUND', `the log has no entry ${sequence}`, { metadata })
}
