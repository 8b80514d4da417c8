import { systemClock } from '@powernode/clock'
import type pg from 'pg'
import { Cluster } from '../../../deploy/postgres/cluster.ts'
import { quantile, rounded, say } from '../report.ts'

/** What a cluster_member has to reach: s, ms and s. */
export const MEMBER_LIMITS = { streaming_s: 5, visible_ms: 1_000, promoted_s: 3 } as const

export type MemberFigures = {
  /** From the membership that the accept hands over until Postgres says `streaming`. */
  readonly streaming_s: number
  /** Until a row that was answered for is to be read on the member, at a hundred writes a second. */
  readonly visible_p50_ms: number
  readonly visible_p99_ms: number
  readonly visible_max_ms: number
  /** From the moment when nobody could write any more until the member takes writes. */
  readonly promoted_s: number
}

const WRITES = 500
const EVERY_MS = 10
const NEVER = AbortSignal.any([])

/** One member on two real servers of this machine, fsync on: copied, followed, promoted. */
export async function measureMember(): Promise<MemberFigures> {
  const cluster = await Cluster.start()
  try {
    const membership = await cluster.admit()
    const from = performance.now()
    await cluster.startChild(membership)
    await untilStreaming(cluster)
    const streaming = rounded((performance.now() - from) / 1_000)
    say(`member: streaming ${streaming} s after the accept`)
    const visible = await visibility(cluster)
    say(
      `member: a row is to be read after ${rounded(quantile(visible, 0.5))} ms, at most ${rounded(Math.max(...visible))} ms`,
    )
    const promoted = await promotion(cluster)
    say(`member: the primary ${promoted} s after the fence`)
    return {
      streaming_s: streaming,
      visible_p50_ms: rounded(quantile(visible, 0.5)),
      visible_p99_ms: rounded(quantile(visible, 0.99)),
      visible_max_ms: rounded(Math.max(...visible)),
      promoted_s: promoted,
    }
  } finally {
    await cluster.stop()
  }
}

async function untilStreaming({ two }: Cluster): Promise<void> {
  const client = await two.asProvisioner()
  for (;;) {
    const { rows } = await client.query<{ state: string }>('select state from replication_admin.watch()')
    if (rows[0]?.state === 'streaming') return
    await systemClock.sleep(20, NEVER)
  }
}

async function visibility({ two }: Cluster): Promise<number[]> {
  const admin = await two.asAdmin()
  await admin.query('create table liveness.beat (id bigint primary key)')
  await admin.query('grant insert on liveness.beat to liveness')
  const [writer, copy] = [await two.as('liveness'), await two.onReplica()]
  while (!(await isThere(copy))) await systemClock.sleep(1, NEVER)
  const committed: number[] = []
  const lags: number[] = []
  const reading = (async () => {
    for (let seen = 0; seen < WRITES;) {
      const { rows } = await copy.query<{ id: string }>('select id from liveness.beat where id >= $1', [seen])
      const at = performance.now()
      for (const { id } of rows) lags.push(Math.max(0, at - (committed[Number(id)] ?? at)))
      seen += rows.length
      await systemClock.sleep(1, NEVER)
    }
  })()
  const began = performance.now()
  for (let id = 0; id < WRITES; id++) {
    await writer.query('insert into liveness.beat (id) values ($1)', [id])
    committed[id] = performance.now()
    await systemClock.sleep(Math.max(0, began + (id + 1) * EVERY_MS - performance.now()), NEVER)
  }
  await reading
  return lags
}

/** Whether the copy has the table already: that, too, has to come over. */
async function isThere(copy: pg.Client): Promise<boolean> {
  const { rows } = await copy.query<{ found: string | null }>(`select to_regclass('liveness.beat')::text as found`)
  return rows[0]?.found !== null
}

async function promotion(cluster: Cluster): Promise<number> {
  while ((await cluster.shown())?.reportedAt === null) await systemClock.sleep(100, NEVER)
  let fencedAt = 0
  for await (const { step } of cluster.operator.promoteMember({ child: 'west-1', reason: 'bench' })) {
    if (step === 'fence_tunnel') fencedAt = performance.now()
    if (step === 'promote') return rounded((performance.now() - fencedAt) / 1_000)
  }
  throw new Error('the member was not promoted')
}
