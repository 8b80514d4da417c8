import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { backoffMs } from '@powernode/clock'
import {
  MemberReportSchema,
  type AttendMemberRequestSchema,
  type MemberOrder,
  type MemberReport,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Follower, FollowerDeps } from './follower.ts'
import { Mailbox } from './mailbox.ts'
import { OrderRefused } from './replica.ts'
import { checkRedis } from './redis-check.ts'

type Report = MessageInitShape<typeof AttendMemberRequestSchema>

const REPORT_EVERY_MS = 2_000
const REDIS_EVERY_MS = 30_000
const AGAIN = { firstMs: 200, mostMs: 10_000 }

type Attending = FollowerDeps & {
  readonly follower: Follower
  readonly peerId: string
  /** Where others reach the replica once it is the primary: host:port. */
  readonly address: string
}

/**
 * Keeps the line to the parent: says every two seconds how the replica is, and does what it is told. A line that breaks is
 * taken up again. Orders are carried out one after the other; each is answered by a report that bears its id.
 */
export async function attendParent(attending: Attending, signal: AbortSignal): Promise<void> {
  const { federation, clock, logger, peerId } = attending
  const redis = redisStatus(attending, signal)
  for (let failures = 0; !signal.aborted;) {
    const ending = new AbortController()
    const open = AbortSignal.any([signal, ending.signal])
    const reports = new Mailbox<Report>()
    const beating = beat(attending, { reports, redis }, open)
    try {
      const orders = federation.attendMember(reports, {
        headers: { 'powernode-peer-id': peerId },
        signal: open,
        timeoutMs: 0,
      })
      for await (const { order } of orders) {
        failures = 0
        if (order) reports.put({ report: await answer(attending, { order, redis: redis() }, open) })
      }
    } catch (error) {
      if (!signal.aborted)
        logger.info({ task: 'member line', error }, 'the line to the parent ended; it is taken up again')
    }
    ending.abort()
    reports.close()
    await beating
    failures += 1
    await clock.sleep(backoffMs(Math.min(failures, 10), AGAIN), signal)
  }
}

type Beat = { readonly reports: Mailbox<Report>; readonly redis: () => string }

async function beat(attending: Attending, { reports, redis }: Beat, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    reports.put({ report: await reportOf(attending, { redis: redis() }) })
    await attending.clock.sleep(REPORT_EVERY_MS, signal)
  }
}

type Ordered = { readonly order: MemberOrder; readonly redis: string }

async function answer(attending: Attending, { order, redis }: Ordered, signal: AbortSignal): Promise<MemberReport> {
  const { follower, logger } = attending
  const fields = { task: 'member order', kind: order.act, event_id: order.id }
  try {
    await follower.obey(order, signal)
    logger.info({ ...fields, outcome: 'ok' }, 'order of the parent')
    return await reportOf(attending, { redis, orderId: order.id })
  } catch (error) {
    logger.warn({ ...fields, outcome: 'fault', error }, 'order of the parent')
    const why = error instanceof Error ? error.message : String(error)
    // A promotion that was begun may still come true: only what was refused before is a no.
    const state = order.act === 'promote' && !(error instanceof OrderRefused) ? 'in_doubt' : 'failed'
    return { ...(await reportOf(attending, { redis, orderId: order.id })), state, detail: why.slice(0, 512) }
  }
}

type About = { readonly redis: string; readonly orderId?: string }

async function reportOf({ follower, address }: Attending, { redis, orderId = '' }: About): Promise<MemberReport> {
  const { state, lsn, timeline, systemIdentifier } = await follower.look()
  const detail = follower.detail.slice(0, 512)
  return create(MemberReportSchema, {
    state,
    timeline,
    systemIdentifier,
    detail,
    orderId,
    address,
    replayLsn: lsn,
    redisStatus: redis,
  })
}

/** Asked now and then, not for every report; told as it was found last, so that a Redis that hangs holds nothing up. */
function redisStatus({ follower, clock }: Attending, signal: AbortSignal): () => string {
  let askedAt = 0
  let status = 'untried'
  return () => {
    const now = clock.now().getTime()
    if (now - askedAt >= REDIS_EVERY_MS) {
      askedAt = now
      void checkRedis(follower.membership.redis, signal).then((found) => (status = found))
    }
    return status
  }
}
