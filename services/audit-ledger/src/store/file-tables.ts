/** Where a log lies outside of the database: in LEDGER_DIR, and in the stream LEDGER. */
export type CopyPlace = 'files' | 'worm'

export type CopiedRow = { log_id: number; place: CopyPlace; size: number; at: Date }

/** How far the copies outside of the database have come. */
export type FileTables = { copied: CopiedRow }
