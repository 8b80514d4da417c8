import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { inTransaction } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { comesBefore } from '../../lsn.ts'
import { slotNameOf } from '../../member.ts'
import { moveMember, tellOf } from '../../operations/watch-member.ts'
import type { LineDeps } from '../attend-member.ts'
import type { MemberLine } from '../member-lines.ts'
import { Fence, FenceIncomplete } from './fence.ts'
import type { PromotionFile, PromotionRecord, PromotionStep } from './promotion-record.ts'
import { takenUp, type TakenUp } from './taken-up.ts'

export type PromotionDeps = LineDeps & { readonly file: PromotionFile }

/** Told as each step is taken. */
export type Say = (step: PromotionStep, detail: string) => void

const REPLAYS_WITHIN_MS = 10_000
const PROMOTES_WITHIN_MS = 40_000
const LOOK_EVERY_MS = 10

/**
 * A member becomes the primary in our place:
 *
 *   fence_gate ▸ fence_roles ▸ fence_tunnel ▸ settle_lsn ▸ await_replay ▸ promote ▸ verify
 *
 * Never two that can be written to: the member is told only when nobody can write here any more, and it has replayed all that
 * was ever answered for. Until it is told, whatever fails lifts the fence and nothing has happened. From then on the fence
 * stays, whatever fails and however often it is asked for again: it may have done it. Forced, what cannot be fenced is left,
 * and the reason why is on record.
 */
export async function promoteMember(
  deps: PromotionDeps,
  { record: begun, say }: { readonly record: PromotionRecord; readonly say: Say },
  signal: AbortSignal,
): Promise<PromotionRecord> {
  const { file, config, clock, lines } = deps
  const line = lines.get(begun.peerId)
  const fence = new Fence({ config, clock, keepRole: begun.roleName })
  try {
    const { record, isFenced } = await takenUp(file, fence, begun)
    return await carryOut(deps, { record: file.write(record), isFenced, line, fence, say }, signal)
  } finally {
    await fence.close()
  }
}

type Carrying = TakenUp & { readonly line: MemberLine; readonly fence: Fence; readonly say: Say }

async function carryOut(
  deps: PromotionDeps,
  { record: begun, isFenced, line, fence, say }: Carrying,
  signal: AbortSignal,
): Promise<PromotionRecord> {
  const { file, logger } = deps
  let record = begun
  const enter = (step: PromotionStep, more: Partial<PromotionRecord> = {}) =>
    (record = file.write({ ...record, ...more, step }))
  try {
    if (!isFenced) await announce(deps, record)
    await raise(fence, { record, enter, say }, signal)
    enter('settle_lsn', record.told ? {} : await settle(fence, { record, line }))
    say('settle_lsn', `everything that was answered for lies before ${record.lsn}, on timeline ${record.timeline}`)
    enter('await_replay')
    await untilReplayed(fence, { deps, record, line }, signal)
    say('await_replay', `the member has replayed it`)
    enter('promote', { told: true })
    const done = await order(deps, { record, line }, signal)
    if ('declined' in done) {
      enter('promote', { told: false })
      throw new Refusal('MEMBER_NOT_READY', `the member refused: ${done.declined}`)
    }
    enter('verify', done)
    say('promote', `the member is the primary, on timeline ${done.newTimeline}`)
    await verify(fence, record, signal)
    say('verify', `it answers at ${done.address}; the old primary takes no writes`)
    return (record = file.write({ ...record, step: 'done' }))
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    logger.error({ task: 'promotion', peer_id: record.peerId, state: record.step, error }, 'a promotion failed')
    if (record.step === 'verify') return (record = file.write({ ...record, step: 'done', failure }))
    if (record.told) {
      record = file.write({ ...record, step: 'in_doubt', failure })
      throw new Refusal('MEMBER_NOT_READY', `${failure}: the fence stays until somebody has looked at the member`, {
        next: `fedctl child promote ${record.hostname} --reason 'once more'`,
      })
    }
    await lift(deps, fence, { record, failure })
    throw refused(error, record)
  }
}

/** Said before the gate closes: afterwards nothing can be written down. */
async function announce({ db, clock }: PromotionDeps, { childId, by, reason, forced }: PromotionRecord): Promise<void> {
  await inTransaction(db, async (tx) => {
    const now = clock.now()
    await moveMember(tx, now, { childId, state: 'fenced', reason: 'it takes over as the primary' })
    const why = `${forced ? 'forced: ' : ''}${reason || 'no reason was given'}`
    await tellOf(tx, 'fenced', { childId, at: now, reason: why, by: { actor: by } })
  }).catch((error: unknown) => {
    if (!forced) throw error // a database that is gone can only be left behind by force
  })
}

type Raising = {
  readonly record: PromotionRecord
  readonly enter: (step: PromotionStep) => unknown
  readonly say: Say
}

async function raise(fence: Fence, { record: { forced }, enter, say }: Raising, signal: AbortSignal): Promise<void> {
  const step = async (name: PromotionStep, work: () => Promise<string>) => {
    enter(name)
    try {
      say(name, await work())
    } catch (error) {
      if (!forced) throw error
      say(name, `left, by force: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  await step('fence_gate', async () => {
    await fence.gate()
    return 'every session begins read-only'
  })
  await step('fence_roles', async () => `${(await fence.roles()).length} roles log in no more`)
  await step('fence_tunnel', async () => {
    await fence.sessions(signal)
    return "nobody is connected but the member's own stream"
  })
}

type With = { readonly record: PromotionRecord; readonly line: MemberLine }

/** The position before which everything lies that was ever answered for; forced, what the member says it has. */
async function settle(
  fence: Fence,
  { record, line }: With,
): Promise<Pick<PromotionRecord, 'lsn' | 'timeline' | 'systemIdentifier'>> {
  try {
    const { lsn, timeline, systemIdentifier } = await fence.facts()
    return { lsn, timeline, systemIdentifier }
  } catch (error) {
    const { report } = line
    if (!record.forced || !report) throw error
    const { replayLsn: lsn, timeline, systemIdentifier } = report
    return { lsn, timeline, systemIdentifier }
  }
}

type Awaiting = With & { readonly deps: PromotionDeps }

async function untilReplayed(fence: Fence, { deps, record, line }: Awaiting, signal: AbortSignal): Promise<void> {
  const { clock } = deps
  const has = (lsn: string) => lsn !== '' && !comesBefore(lsn, record.lsn)
  const slot = slotNameOf(record.peerId)
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    if (has(line.report?.replayLsn ?? '') || has(await fence.replayed(slot).catch(() => ''))) return
    if (waitedMs >= REPLAYS_WITHIN_MS)
      throw new Refusal(
        'MEMBER_NOT_READY',
        `the member has not replayed ${record.lsn} within ${REPLAYS_WITHIN_MS / 1_000} s`,
      )
    await clock.sleep(LOOK_EVERY_MS, signal)
    signal.throwIfAborted()
  }
}

type Done = { readonly newTimeline: number; readonly address: string }

/** What the member did; declined: nothing, and it is a standby still. Throws when that is not known. */
async function order(
  deps: PromotionDeps,
  { record, line }: With,
  signal: AbortSignal,
): Promise<Done | { readonly declined: string }> {
  const { clock } = deps
  const within = durationFromMs(REPLAYS_WITHIN_MS)
  const wanted = { act: 'promote', atLsn: record.lsn, timeline: record.timeline, reason: record.reason, within }
  const report = await line.give(wanted, { clock, withinMs: PROMOTES_WITHIN_MS, signal })
  if (!report) throw new Error('the member did not answer')
  const { state, timeline, address, detail } = report
  if (state === 'promoted' && timeline > record.timeline) return { newTimeline: timeline, address }
  // A timeline of 0 is none: its Postgres could not be asked, and may come up as anything.
  if (state === 'failed' && timeline > 0 && timeline <= record.timeline) return { declined: detail }
  throw new Error(`the member says ${state}: ${detail}`)
}

/** Still nobody can write here; and the member's stream, which the fence had spared, has no further use. */
async function verify(fence: Fence, { forced }: PromotionRecord, signal: AbortSignal): Promise<void> {
  try {
    const { fenced } = await fence.facts()
    if (!fenced) {
      await fence.gate()
      await fence.roles()
    }
    await fence.sessions(signal)
    if (!fenced) throw new FenceIncomplete('somebody had lifted the fence; it was raised again')
  } catch (error) {
    if (!forced) throw error
  }
}

type Lifting = { readonly record: PromotionRecord; readonly failure: string }

/** Nobody was told to take over: everything is as it was. */
export async function lift(
  { clock, file }: Pick<PromotionDeps, 'clock' | 'file'>,
  fence: Fence,
  { record, failure }: Lifting,
): Promise<void> {
  const reason = `not promoted: ${failure}`.slice(0, 1_000)
  await fence.lift((tx) => moveMember(tx, clock.now(), { childId: record.childId, state: 'lagging', reason }))
  file.write({ ...record, step: 'lifted', failure })
}

function refused(error: unknown, { hostname }: PromotionRecord): unknown {
  if (!(error instanceof FenceIncomplete)) return error
  return new Refusal('FENCE_FAILED', `${error.message}: two primaries would be possible, so nothing was done`, {
    next: `fedctl child promote ${hostname} --force --reason '<why two primaries cannot be>'`,
  })
}
