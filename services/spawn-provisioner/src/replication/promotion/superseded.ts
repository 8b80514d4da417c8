import { inTransaction } from '@powernode/postgres'
import type { MemberReport } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Member } from '../../member.ts'
import { moveMember, tellOf } from '../../operations/watch-member.ts'
import * as children from '../../store/children.ts'
import * as replication from '../../store/replication.ts'
import { Fence } from './fence.ts'
import type { PromotionDeps } from './promote-member.ts'
import type { PromotionRecord } from './promotion-record.ts'

/**
 * Whether a member is the primary in our place, though nobody here promoted it: of our very database, further on in its
 * history than we are. One that our own server sends to at this moment says what is not so.
 */
export function isSuperseded(
  { systemIdentifier, timeline, inRecovery, fenced }: replication.Facts,
  report: MemberReport,
  isSentTo: boolean,
): boolean {
  if (inRecovery || fenced || isSentTo || report.state !== 'promoted') return false
  return systemIdentifier !== '' && report.systemIdentifier === systemIdentifier && report.timeline > timeline
}

export type Supersede = (member: Member, report: MemberReport) => Promise<void>

const NEVER = AbortSignal.any([])

/**
 * We come back and find that a member took over while we were gone: we are fenced, at once, and stay so until the way back
 * is gone. Never two that can be written to for longer than it takes to hear of one another.
 *
 * What it is done for rests on the disk first: a fence that nobody knows the reason of would be nobody's to lift. What is
 * there already of a promotion that we ordered stays: who asked for it, and why.
 */
export function supersede(deps: PromotionDeps): Supersede {
  const { db, clock, config, file, logger } = deps
  const raise = async (fence: Fence, hostname: string) => {
    await fence.gate()
    await fence.roles()
    await fence.sessions(NEVER) // however its line fares meanwhile: what is begun here MUST be gone through
    logger.error({ task: 'promotion', state: 'done' }, `${hostname} took over while we were away: our database is fenced`) // prettier-ignore
  }
  return async (member, report) => {
    const { childId, peerId, roleName } = member
    const giveFree = file.hold()
    const fence = new Fence({ config, clock, keepRole: roleName })
    try {
      const { hostname, facts } = await inTransaction(db, async (tx) => ({
        hostname: (await children.find(tx, childId))?.hostname ?? '',
        facts: await replication.facts(tx),
      }))
      const why = `it took over while we were away, on timeline ${report.timeline}${report.detail && `: ${report.detail}`}`
      const ordered = file.read()
      if (ordered?.told && ordered.childId !== childId) return await raise(fence, ordered.hostname)
      const begun = {
        childId,
        hostname,
        peerId,
        roleName,
        by: `peer/${peerId}`,
        approvalId: '',
        reason: why,
        forced: true,
        byItself: true,
        startedAt: clock.now().toISOString(),
        systemIdentifier: facts.systemIdentifier,
        lsn: facts.lsn,
        timeline: facts.timeline,
        returnApprovalId: '',
        returnFailure: '',
        ...(ordered?.told && ordered),
        step: 'promote',
        told: true,
        newTimeline: report.timeline,
        address: report.address,
        failure: '',
      } satisfies PromotionRecord
      const record = file.write(begun)
      await inTransaction(db, async (tx) => {
        const now = clock.now()
        await moveMember(tx, now, { childId, state: 'fenced', reason: why.slice(0, 1_000) })
        await tellOf(tx, 'fenced', { childId, at: now, reason: why })
      }).catch((error: unknown) => {
        // Another replica may have closed the gate already. Nothing can be noted then, and the fence is what matters.
        logger.warn({ task: 'promotion', peer_id: peerId, error }, 'that a member took over could not be noted')
      })
      await raise(fence, hostname).finally(() => file.write({ ...record, step: 'done' }))
    } finally {
      await fence.close()
      giveFree()
    }
  }
}
