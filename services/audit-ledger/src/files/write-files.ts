import { backoffMs, type Clock } from '@powernode/clock'
import { lead, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { Head } from '../log-files.ts'
import type { Tables } from '../store/tables.ts'
import { FolderFailed, type DurableFolder } from './durable.ts'
import type { FilesState } from './files-state.ts'
import { folderId } from './folder-id.ts'
import { createLogWriter } from './log-writer.ts'
import { createCopyNotes } from './note-copies.ts'
import { eachHead, eachRung, type Rung, type Step } from './rounds.ts'

export type WriteFilesDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly folder: DurableFolder
  readonly sealIntervalMs: number
  readonly state: FilesState
}

/** What is full is written at most this often: a flush of files is a flush that the database waits behind. */
const FILL_EVERY_MS = 2_000
const RETRY = { firstMs: 200, mostMs: 15_000 }
/** How long a service that is told to stop goes on sealing. */
const LAST_SEAL_MS = 10_000

/**
 * Writes every log to the folder, until `signal` aborts: what is full at once, the rest at every `sealIntervalMs` and at
 * the end. Of the replicas that share a folder one writes; each that has its own writes its own.
 *
 * A disk that fails stops nothing but this: it is tried again, and everything it missed is in the database.
 */
export async function writeFiles(deps: WriteFilesDeps, rung: Rung, signal: AbortSignal): Promise<void> {
  const { clock, logger, folder, state } = deps
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await folder.probe()
      const id = await folderId(folder)
      state.works()
      const another = new AbortController()
      const until = AbortSignal.any([signal, another.signal])
      const isOurs = async () => {
        if ((await folderId(folder)) !== id) another.abort()
        return !another.signal.aborted
      }
      await lead(deps, `files.${id}`, (leading) => whileLeading(deps, rung, { signal, leading, isOurs }), until)
    } catch (error) {
      state.fails(error)
      logger.error({ task: 'files', path: folder.root, attempt, error }, 'the folder of the ledger cannot be written')
      await clock.sleep(backoffMs(attempt, RETRY), signal)
    }
  }
}

type Leading = {
  readonly signal: AbortSignal
  readonly leading: AbortSignal
  /** Whether the folder is the one we lead for: after a failure another may have been put in its place. */
  readonly isOurs: () => Promise<boolean>
}

async function whileLeading(deps: WriteFilesDeps, rung: Rung, { signal, leading, isOurs }: Leading): Promise<void> {
  const { clock, logger, folder, sealIntervalMs, state } = deps
  const writer = createLogWriter(deps)
  let sealDueMs = clock.now().getTime() + sealIntervalMs
  const fill = async (head: Head) => {
    if (writer.isBehind(head)) state.wrote(await writer.fill(head))
  }
  const note = createCopyNotes(deps, 'files')
  const seal = async (head: Head) => {
    if (await writer.seal(head)) state.sealed()
    await note(head, head.size)
  }
  rung.all = true
  for (let attempt = 0; !leading.aborted;) {
    try {
      if (attempt > 0 && !(await isOurs())) break
      if (attempt > 0 || rung.all) await folder.sweep()
      await eachRung(deps, rung, fill, state)
      if (clock.now().getTime() >= sealDueMs) {
        await sealAll(deps, seal, () => leading.aborted)
        sealDueMs = clock.now().getTime() + sealIntervalMs
      }
      state.works()
      attempt = 0
      await clock.sleep(FILL_EVERY_MS, leading)
      await rung.bell.wait(clock, Math.max(0, sealDueMs - clock.now().getTime()), leading)
    } catch (error) {
      if (error instanceof FolderFailed) state.fails(error)
      const retryMs = backoffMs(++attempt, RETRY)
      logger.error({ task: 'files', path: folder.root, attempt, retry_in_ms: retryMs, error }, 'the logs are not written as files') // prettier-ignore
      await clock.sleep(retryMs, leading)
    }
  }
  if (!signal.aborted) return // not told to stop: somebody else leads
  const untilMs = clock.now().getTime() + LAST_SEAL_MS
  await sealAll(deps, seal, () => clock.now().getTime() > untilMs).catch((error: unknown) => {
    logger.warn({ task: 'files', error }, 'not everything was sealed before the end; the next start goes on')
  })
}

/** Writes the rest of every log that changed, and its checkpoint. */
async function sealAll(deps: WriteFilesDeps, seal: Step, isOver: () => boolean): Promise<void> {
  await eachHead(deps, seal, { verdicts: deps.state, isOver })
}
