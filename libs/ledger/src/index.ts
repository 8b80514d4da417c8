export { commitPayload, encodeEntry, EntryFlaw, parseEntry, SALT_BYTES, type EntryFields } from './entry.ts'
export { originOf, PLATFORM_LOG, witnessNameOf } from './origin.ts'
export { encodePayloadLine, holdsPayload, parsePayloadLines, payloadsPath, type PayloadLine } from './payload-lines.ts'
export { openPruning, pruningPath, signPruning, type Pruning } from './pruning.ts'
