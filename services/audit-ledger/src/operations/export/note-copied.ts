import * as copies from '../../store/copies.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** A copy outside of the database has come so far: for whoever asks any replica how a log stands. */
export const noteCopied = (tx: LedgerTx, now: Date, said: copies.Copied): Promise<void> => copies.tell(tx, said, now)
