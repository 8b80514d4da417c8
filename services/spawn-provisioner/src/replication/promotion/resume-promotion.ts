import { inTransaction } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import * as replication from '../../store/replication.ts'
import type { SpawnTx } from '../../store/tables.ts'
import { Fence } from './fence.ts'
import { notePromoted, noteReturned } from './note-promoted.ts'
import { lift, type PromotionDeps } from './promote-member.ts'
import { isOver, type PromotionRecord } from './promotion-record.ts'

/** What a fenced database could not note, or a crash kept from it, is noted where it can be: at whoever is the primary now. */
async function noteWhereItLeads(
  { db, clock, logger }: PromotionDeps,
  record: PromotionRecord,
  note: (tx: SpawnTx, now: Date, record: PromotionRecord) => Promise<void>,
): Promise<void> {
  try {
    await inTransaction(db, async (tx) => {
      const { fenced, inRecovery, timeline } = await replication.facts(tx)
      if (!fenced && !inRecovery && timeline >= record.newTimeline) await note(tx, clock.now(), record)
    })
  } catch (error) {
    logger.warn({ task: 'promotion', peer_id: record.peerId, error }, 'a promotion could not be noted')
  }
}

const LINE_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 500

/**
 * What a crash left in the middle is ended. Before the member was told: the fence is lifted, and nothing happened. After:
 * it is asked, and asked again, because only it knows.
 */
export async function resumePromotion(deps: PromotionDeps, signal: AbortSignal): Promise<void> {
  const { file, logger } = deps
  const open = file.read()
  if (open?.step === 'done') await noteWhereItLeads(deps, open, notePromoted)
  if (open?.step === 'failed_back')
    await noteWhereItLeads(deps, open, (tx, now, record) =>
      noteReturned(tx, now, { record, actor: record.by, reason: 'the way back was cut short when we led again' }),
    )
  if (!open || isOver(open)) return
  logger.warn({ task: 'promotion', peer_id: open.peerId, state: open.step }, 'a promotion was cut short')
  const giveFree = file.hold()
  try {
    await (open.told ? followUp(deps, open, signal) : takeBack(deps, open, signal))
  } finally {
    giveFree()
  }
}

/**
 * Nobody was told: nothing happened. Another replica may be at it this very moment, or a connection of one that died still
 * holds the fence: then that is waited for.
 */
async function takeBack(
  deps: PromotionDeps,
  { roleName: keepRole }: PromotionRecord,
  signal: AbortSignal,
): Promise<void> {
  const { file, config, clock, logger } = deps
  const fence = new Fence({ config, clock, keepRole })
  try {
    while (!signal.aborted) {
      const record = file.read()
      if (!record || isOver(record) || record.told) return
      try {
        return await lift(deps, fence, { record, failure: 'this service ended in the middle' })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        logger.warn({ task: 'promotion', peer_id: record.peerId, error }, 'a promotion cannot be taken back yet')
      }
      await clock.sleep(LOOK_EVERY_MS, signal)
    }
  } finally {
    await fence.close()
  }
}

async function followUp(
  { file, lines, clock }: PromotionDeps,
  open: PromotionRecord,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < LINE_WITHIN_MS && !signal.aborted; waitedMs += LOOK_EVERY_MS) {
    if (lines.find(open.peerId)?.report !== undefined) break
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
  const state = lines.find(open.peerId)?.report
  if (state?.state === 'promoted')
    file.write({ ...open, step: 'done', newTimeline: state.timeline, address: state.address, failure: '' })
  else
    file.write({
      ...open,
      step: 'in_doubt',
      failure: state ? `the member says ${state.state}` : 'the member is silent',
    })
}
