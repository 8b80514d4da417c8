import { inTransaction, lead } from '@powernode/postgres'
import { noteSight } from '../operations/watch-member.ts'
import { renewPassword } from '../operations/admit-member.ts'
import { ROTATE_BEFORE_MS, type Member } from '../member.ts'
import type { SpawnDeps } from '../spawn-deps.ts'
import * as members from '../store/members.ts'
import * as replication from '../store/replication.ts'

const LOOK_EVERY_MS = 1_000

/** Looks at every member's slot and stream, once a second, in one replica of the service. */
export async function watchMembers(deps: SpawnDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  const look = async (stop: AbortSignal) => {
    while (!stop.aborted) {
      try {
        await lookOnce(deps)
      } catch (error) {
        if (!stop.aborted) logger.warn({ task: 'members', error }, 'members could not be looked at')
      }
      await clock.sleep(LOOK_EVERY_MS, stop)
    }
  }
  await lead(deps, 'members', look, signal)
}

/** One look at all. A database that is fenced, or is itself a copy, has nothing to be judged. */
export async function lookOnce(deps: SpawnDeps): Promise<void> {
  const { db, clock } = deps
  const { known, facts, seen } = await inTransaction(db, async (tx) => {
    const known = await members.all(tx)
    if (known.length === 0 || !(await replication.isInstalled(tx))) return { known: [], facts: undefined, seen: [] }
    return { known, facts: await replication.facts(tx), seen: await replication.watch(tx) }
  })
  measure(deps, known)
  if (!facts || facts.fenced || facts.inRecovery) return
  for (const member of known) {
    const { childId, slotName } = member
    if (member.state === 'preparing') continue // its slot is only now being made
    const sight = {
      childId,
      seen: seen.find((one) => one.slotName === slotName),
      keepBytes: facts.keepBytes,
      since: member.since,
    }
    const noted = await inTransaction(db, (tx) => noteSight(tx, clock.now(), sight))
    if (noted && isDue(noted, clock.now()))
      await inTransaction(db, (tx) => renewPassword(tx, clock.now(), { childId, sealing: deps.sealing }))
  }
}

/** Halfway to the end of its life; one that is on its way to the member already is left to arrive. */
const isDue = ({ roleExpiresAt, passwordSealed }: Member, now: Date): boolean =>
  passwordSealed === null && roleExpiresAt !== null && roleExpiresAt.getTime() - now.getTime() < ROTATE_BEFORE_MS

/** The worst of all: a label for each member would be a series for ever. */
function measure({ metrics }: SpawnDeps, known: readonly Member[]): void {
  const worst = (value: (member: Member) => number | null) => Math.max(0, ...known.map((member) => value(member) ?? 0))
  const states = metrics.gauge('fed_cluster_members', 'Replicas of our database, by how they are', ['state'])
  states.reset()
  for (const { state } of known) states.inc({ state })
  metrics
    .gauge('fed_cluster_member_replay_lag_bytes', 'WAL that the member furthest behind has not replayed')
    .set(worst(({ replayLagBytes }) => replayLagBytes))
  metrics
    .gauge('fed_cluster_member_replay_lag_seconds', 'How long ago what the member furthest behind replayed was written')
    .set(worst(({ replayLagSeconds }) => replayLagSeconds))
  metrics
    .gauge('fed_cluster_member_retained_wal_bytes', 'WAL that the slot furthest behind holds back')
    .set(worst(({ retainedWalBytes }) => retainedWalBytes))
}
