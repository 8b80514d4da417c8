import { inTransaction, lead } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import type { Config } from '../config.ts'
import { doubtAfterRestart } from '../operations/mirror/doubt-after-restart.ts'
import { excerptHandlers, type ExcerptDeps } from '../rpc/excerpts.ts'
import { mirrorHandlers } from '../rpc/mirror.ts'
import { reconcileHandlers } from '../rpc/reconcile.ts'
import * as mirrorHolds from '../store/mirror-holds.ts'
import { measureMirrors } from './measure-mirrors.ts'
import type { MirrorDeps } from './mirror-deps.ts'
import { reconcileNightly } from './reconcile-nightly.ts'
import { recoverLogs } from './recover-logs.ts'
import { shipEntries } from './ship-entries.ts'

export type MirrorArea = {
  readonly handlers: (
    peers: ExcerptDeps['peers'],
  ) => ReturnType<typeof mirrorHandlers> & ReturnType<typeof excerptHandlers> & ReturnType<typeof reconcileHandlers>
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
  /** A peer has proven that we signed more, or something else, than we have: whoever leads looks into it. */
  readonly onLost: (peerId: string) => void
}

/**
 * What this ledger does for mirrors by itself: ships ours to peers, brings back what we lost, compares. One replica does it.
 *
 * MUST be opened before anything is appended: after the database was started anew, logs are on hold when it returns.
 */
export async function openMirrorArea(
  given: Omit<MirrorDeps, 'doubtMs' | 'reconcileEveryMs'>,
  config: Config['mirror'],
): Promise<MirrorArea> {
  const deps = { ...given, ...config }
  await doubtAll(deps)
  const leading = (stop: AbortSignal) =>
    runTasks(stop, [
      (signal) => shipEntries(deps, signal),
      (signal) => recoverLogs(deps, signal),
      (signal) => reconcileNightly(deps, signal),
      (signal) => measureMirrors(deps, signal),
    ])
  return {
    handlers: (peers) => ({
      ...mirrorHandlers(deps),
      ...excerptHandlers({ ...deps, peers }),
      ...reconcileHandlers(deps),
    }),
    tasks: [(stop) => lead(deps, 'mirrors', leading, stop), (stop) => watchRestarts(deps, stop)],
    onLost: (peerId) => void ringDoubt(deps, peerId),
  }
}

async function ringDoubt({ db, logger }: MirrorDeps, peerId: string): Promise<void> {
  try {
    await inTransaction(db, (tx) => mirrorHolds.ringDoubt(tx, peerId))
  } catch (error) {
    logger.warn({ task: 'recover', peer_id: peerId, error }, 'that entries may be lost could not be told')
  }
}

const LOOK_MS = 1_000

/** Notices when the database server was started anew under us. */
async function watchRestarts(deps: MirrorDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await deps.clock.sleep(LOOK_MS, signal)
    try {
      if (!signal.aborted) await doubtAll(deps)
    } catch (error) {
      deps.logger.warn({ task: 'recover', error }, 'whether the database was started anew cannot be read')
    }
  }
}

async function doubtAll({ db, clock, logger }: MirrorDeps): Promise<void> {
  let after: string | undefined = ''
  let pages = -1
  while (after !== undefined) {
    const from: string = after
    after = await inTransaction(db, (tx) => doubtAfterRestart(tx, clock.now(), { after: from }))
    pages++
  }
  if (pages > 0) logger.info({ task: 'recover' }, 'the database was started anew: peers are asked what they have seen')
}
