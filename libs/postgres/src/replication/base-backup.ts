import { BackupBroken, checkManifest, readManifest } from './backup-manifest.ts'
import { BackupQuery, type BackupFrame } from './backup-query.ts'
import { identifySystem, withReplication, type ReplicationAccess } from './replication-session.ts'
import { unpackArchive } from './unpack-archive.ts'

export type BackupWanted = {
  /** An empty directory, on which a server can run when this has returned. */
  readonly dir: string
  readonly own: (path: string) => void
  readonly label: string
  /** The server MUST be this one: not another that answers at its address. */
  readonly systemIdentifier?: string | undefined
  readonly onProgress?: (bytes: number) => void
}

export type Backup = Omit<BackupFrame, 'manifest'> & { readonly systemIdentifier: string; readonly files: number }

/**
 * Copies a running server's data directory, as pg_basebackup does: BASE_BACKUP over the replication protocol.
 *
 * Without WAL: whoever starts on the copy reads on from the server, where a slot MUST hold back what was written since
 * before the copy began. Every file is compared with the manifest; a difference is `BackupBroken`, and the copy is worthless.
 */
export async function baseBackup(
  access: ReplicationAccess,
  { dir, own, label, systemIdentifier, onProgress = () => undefined }: BackupWanted,
  signal: AbortSignal,
): Promise<Backup> {
  const system = await withReplication(access, identifySystem, signal)
  if (systemIdentifier !== undefined && system.systemIdentifier !== systemIdentifier)
    throw new BackupBroken(`the server is ${system.systemIdentifier}, not ${systemIdentifier}`)
  const { archive, arrived } = unpackArchive({ dir, own })
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  arrived.catch((error: unknown) => failed.reject(error))
  const sink = { archive, archiveEnds: () => void archive.end(undefined), progress: onProgress }
  try {
    const query = new BackupQuery(command(label), sink)
    const frame = await withReplication(access, (client) => Promise.race([query.take(client), failed.promise]), signal)
    const manifest = readManifest(frame.manifest)
    checkManifest(manifest, await arrived)
    const { startLsn, endLsn, timeline } = frame
    return { startLsn, endLsn, timeline, systemIdentifier: system.systemIdentifier, files: manifest.files.length }
  } catch (error) {
    archive.destroy() // nothing comes any more, and whoever stopped us is not kept waiting for what had come
    throw error
  }
}

/** Checkpoint at once: a member that waits minutes for the next one is not there when it is needed. */
const command = (label: string) =>
  `BASE_BACKUP (LABEL '${label.replaceAll("'", "''")}', CHECKPOINT 'fast', PROGRESS true, WAL false, WAIT false, ` +
  `MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`
