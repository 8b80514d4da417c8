import { statSync } from 'node:fs'
import { join } from 'node:path'
import { patient, type Clock } from '@powernode/clock'
import { TLS_FILES } from './tls-file-versions.ts'
import { readTlsFiles, type TlsMaterial } from './tls-files.ts'

const POLL_EVERY_MS = 1000

export type TlsWatcher = {
  readonly dir: string
  readonly clock: Clock
  readonly onChange: (material: TlsMaterial) => void
  /** Told of files that cannot be used; meanwhile the last good pair stays in use. */
  readonly onBroken?: ((error: Error) => void) | undefined
}

/**
 * Follows an identity's files until told to stop.
 *
 * Tells `onChange` what is there at once, so that nothing written between reading and watching is missed, and again
 * with every later version. Files that cannot be used are told to `onBroken`, once for each state they are in, and
 * change nothing: whoever watches keeps the last good pair. Polling, because file events are lost on network and
 * overlay file systems, and a certificate has hours to be noticed.
 */
export async function watchTlsFiles(watcher: TlsWatcher, signal: AbortSignal): Promise<void> {
  let seen: string | undefined
  while (!signal.aborted) {
    const state = stateOf(watcher.dir)
    if (state !== seen) {
      seen = state
      tell(watcher)
    }
    await watcher.clock.sleep(patient(POLL_EVERY_MS), signal)
  }
}

function tell({ dir, onChange, onBroken }: TlsWatcher): void {
  const read = tryRead(dir)
  if (read instanceof Error) onBroken?.(read)
  else onChange(read)
}

function tryRead(dir: string): TlsMaterial | Error {
  try {
    return readTlsFiles(dir)
  } catch (error) {
    return error instanceof Error ? error : new Error(`reading ${dir}`, { cause: error })
  }
}

/** Which bytes are there, as far as the file system can tell without reading them. */
function stateOf(dir: string): string {
  return Object.values(TLS_FILES)
    .map((file) => {
      const stats = statSync(join(dir, file), { throwIfNoEntry: false, bigint: true })
      return stats ? `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}` : '-'
    })
    .join(' ')
}
