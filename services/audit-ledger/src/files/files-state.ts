import type { Metrics } from '@powernode/process'
import type { Health } from '@powernode/rpc'
import type { Obstacles } from '../append/obstacles.ts'
import type { Verdicts } from './rounds.ts'

/** How the writing of files goes, for health, metrics, and the appends, where they may not go on without it. */
export type FilesState = Verdicts & {
  readonly works: () => void
  readonly fails: (error: unknown) => void
  readonly wrote: (segments: number) => void
  readonly sealed: () => void
}

/** What health is asked about the files: degraded is NOT_SERVING here, and SERVING for everything else. */
export const FILES_HEALTH = 'powernode.audit.v1.Files'

export function createFilesState({
  metrics,
  health,
  obstacles,
  required,
}: {
  readonly metrics: Metrics
  readonly health: Health
  readonly obstacles: Pick<Obstacles, 'set'>
  /** LEDGER_FILES=required: no files, no appends. */
  readonly required: boolean
}): FilesState {
  const failing = metrics.gauge('fed_audit_files_failing', '1 while the logs cannot be written as files')
  const failures = metrics.counter('fed_audit_files_failures_total', 'Attempts to write files that failed')
  const segments = metrics.counter('fed_audit_files_segments_total', 'Segments of 256 entries written as files')
  const seals = metrics.counter('fed_audit_files_sealed_total', 'Checkpoints written beside all that they cover')
  const damaged = metrics.gauge('fed_audit_files_contradictions', 'Logs whose files are not what the database holds')
  const contradicting = new Set<string>()
  let works = !required

  function set(now: boolean): void {
    works = now
    failing.set(now ? 0 : 1)
    health.set(FILES_HEALTH, now && contradicting.size === 0)
    if (required)
      obstacles.set('files', now ? undefined : 'the logs cannot be written as files (LEDGER_FILES=required)')
  }
  set(works)

  function mark(origin: string, change: 'add' | 'delete'): void {
    if (contradicting.has(origin) === (change === 'add')) return
    contradicting[change](origin)
    damaged.set(contradicting.size)
    health.set(FILES_HEALTH, works && contradicting.size === 0)
  }

  return {
    place: 'files',
    works: () => {
      if (!works) set(true)
    },
    fails() {
      failures.inc()
      if (works) set(false)
    },
    wrote: (count) => segments.inc(count),
    sealed: () => seals.inc(),
    contradicts: (origin) => mark(origin, 'add'),
    agrees: (origin) => mark(origin, 'delete'),
  }
}
