export { attempt, type Attempted } from './attempt.ts'
export { bools, float8s, int4s, int8s, texts, uuids } from './binary-arrays.ts'
export { createBatcher, type Batcher } from './batcher.ts'
export { connectionSettings, type Connect } from './connection-settings.ts'
export { databaseUrl } from './database-url.ts'
export { describeSchema } from './describe-schema.ts'
export {
  CommitOutcomeUnknown,
  isCheckViolation,
  isConnectionLost,
  isUniqueViolation,
  SealingKeyReplaced,
} from './failures.ts'
export { inTransaction, type TransactionOptions } from './in-transaction.ts'
export { keptStatement, type KeptStatement } from './kept-statement.ts'
export { lead } from './lead.ts'
export { Listener, type ListenerConfig, type OnNotify } from './listener.ts'
export { migrate, OtherVersion } from './migrate.ts'
export { newId } from './new-id.ts'
export { openDb, type Db, type DbConfig, type Tx } from './open-db.ts'
export { prepareDatabase, withClient, type SchemaRoles } from './prepare-database.ts'
export { rehearse } from './rehearse.ts'
export { baseBackup, type Backup, type BackupWanted } from './replication/base-backup.ts'
export { BackupBroken } from './replication/backup-manifest.ts'
export {
  identifySystem,
  showSetting,
  withReplication,
  type ReplicationAccess,
} from './replication/replication-session.ts'
export { databaseStanding, type DatabaseStanding } from './standing.ts'
export { drawPassword, scramVerifier } from './scram.ts'
export {
  adoptSealingKey,
  replacedBy,
  requireNewestSealingKey,
  SEALING_KEY_SQL,
  SEALING_TROUBLE,
  type Adopted,
  type SealingKeyIds,
  type SealingStanding,
} from './sealing-key.ts'
export { requireSchema, SchemaMismatch } from './require-schema.ts'
