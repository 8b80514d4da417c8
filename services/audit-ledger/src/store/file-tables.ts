import type { CopyPlace } from '../log-files.ts'

export type CopiedRow = { log_id: number; place: CopyPlace; size: number; at: Date }

/** How far the copies outside of the database have come. */
export type FileTables = { copied: CopiedRow }
