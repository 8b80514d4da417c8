import { parseCheckpoint, parseNote } from '@powernode/tlog'
import type { Head, Tree } from '../../log-files.ts'
import { noSuchLog } from '../../no-such-log.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** What is exported: a tree, and up to where it is signed. It stays as it is while it is read, however the log grows. */
export type Export = {
  readonly tree: Tree
  readonly head: Pick<Head, 'origin' | 'size' | 'root' | 'note' | 'cosignatures'>
}

/** Finds one of our logs, or the copy of a peer's log about us. Refuses one of which nothing is signed. */
export async function openExport(
  tx: LedgerTx,
  _now: Date,
  { log, mirror }: { readonly log: string; readonly mirror: boolean },
): Promise<Export> {
  if (mirror) {
    const held = await sealed.mirrorHead(tx, log)
    if (!held) throw noSuchLog(`no log of ${log} is mirrored here, as far as a checkpoint`, log)
    const { origin } = parseCheckpoint(parseNote(held.note).body)
    return { tree: { peerId: log }, head: { ...held, origin, cosignatures: [] } }
  }
  const head = await sealed.headNamed(tx, { name: log })
  if (!head) throw noSuchLog(`nothing is signed of log ${log}`, log)
  return { tree: { logId: head.logId }, head }
}
