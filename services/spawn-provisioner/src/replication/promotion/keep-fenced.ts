import { inTransaction } from '@powernode/postgres'
import * as replication from '../../store/replication.ts'
import { Fence } from './fence.ts'
import type { PromotionDeps } from './promote-member.ts'
import type { PromotionRecord } from './promotion-record.ts'

const LOOK_EVERY_MS = 500
const NEVER = AbortSignal.any([])

/**
 * Whether this is the primary that a member was told to take the place of, and can be written to all the same: the fence
 * could not be raised then, because it was gone. A primary that follows from the promotion is further on in its history, and
 * a database that was set up anew in its place is another one.
 */
export function isLeftBehind(
  { told, timeline, systemIdentifier }: Pick<PromotionRecord, 'told' | 'timeline' | 'systemIdentifier'>,
  facts: Pick<replication.Facts, 'timeline' | 'inRecovery' | 'fenced' | 'systemIdentifier'>,
): boolean {
  const isIt = systemIdentifier === '' || systemIdentifier === facts.systemIdentifier
  return told && isIt && !facts.fenced && !facts.inRecovery && facts.timeline <= timeline
}

/**
 * Who was told to lead may lead, whatever can be heard of it. So the primary that was gone when its member was promoted by
 * force is fenced as soon as it answers again: by what is on our disk, and before any line to the member is up.
 *
 * Whoever lifts that fence by hand takes promotion.json away first: it says that somebody leads in our place.
 */
export async function keepFenced(deps: PromotionDeps, signal: AbortSignal): Promise<void> {
  const { clock, file, logger } = deps
  while (!signal.aborted) {
    const record = file.read()
    if (record?.told && !file.isHeld) {
      try {
        if (isLeftBehind(record, await inTransaction(deps.db, replication.facts))) await raise(deps, record)
      } catch (error) {
        logger.debug({ task: 'promotion', peer_id: record.peerId, error }, 'our database cannot be asked, or is not to be fenced yet') // prettier-ignore
      }
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

async function raise({ config, clock, file, logger }: PromotionDeps, record: PromotionRecord): Promise<void> {
  const giveFree = file.hold()
  const fence = new Fence({ config, clock, keepRole: record.roleName })
  try {
    await fence.gate()
    await fence.roles()
    const { peerId, step, hostname } = record
    logger.error({ task: 'promotion', peer_id: peerId, state: step }, `${hostname} was told to lead while our database was away: it is fenced`) // prettier-ignore
    await fence.sessions(NEVER)
  } finally {
    await fence.close()
    giveFree()
  }
}
