import { hash } from 'node:crypto'
import type { SpawnWord } from './spawn-word.ts'

export type MemberState =
  'preparing' | 'ready' | 'streaming' | 'lagging' | 'guarded' | 'fenced' | 'promoted' | 'failed_back'

/** The replica of our database that a cluster_member keeps. */
export type Member = {
  readonly childId: string
  readonly peerId: string
  readonly slotName: string
  readonly roleName: string
  readonly state: MemberState
  readonly reason: string
  readonly since: Date
  /** The password that the member has not shown yet. */
  readonly passwordSealed: Buffer | null
  readonly roleExpiresAt: Date | null
  readonly streamedAt: Date | null
  readonly alarmed: boolean
  readonly walStatus: string
  readonly replayLagBytes: number | null
  readonly retainedWalBytes: number | null
  readonly replayLagSeconds: number | null
  readonly sentLsn: string
  readonly replayLsn: string
  readonly observedAt: Date | null
  readonly primaryAddress: string
  readonly redisAddress: string
  readonly redisStatus: string
  readonly address: string
  readonly reportedAt: Date | null
  /** What it says last that is not believed by its word alone; empty: nothing. */
  readonly claim: string
}

/** What Postgres shows of a slot and of whoever follows it. */
export type Seen = {
  readonly slotName: string
  readonly active: boolean
  readonly state: string | null
  readonly walStatus: string | null
  readonly retainedBytes: number | null
  readonly sentLsn: string | null
  readonly replayLsn: string | null
  readonly replayLagBytes: number | null
  readonly replayLagSeconds: number | null
}

const DAY_MS = 86_400_000
/** A role that nobody renews ends by itself. */
export const ROLE_LIFE_MS = 30 * DAY_MS
/** With half of its life left another password is made: there is time for a member that is away. */
export const ROTATE_BEFORE_MS = 15 * DAY_MS

/** A member that is further behind is of no use as a successor. */
const LAG_BYTES = 64 * 1024 * 1024
const LAG_SECONDS = 30
const AWAY_MS = 15_000
/** Who copies says every two seconds that it does. */
const SILENT_MS = 60_000
/** The share of max_slot_wal_keep_size at which somebody is told; a slot whose child never came is dropped there. */
const ALARM_SHARE = 0.8

/** One slot and one role for each peer, always the same: what is left over can be told from what is needed. */
export const slotNameOf = (peerId: string): string => `powernode_repl_${peerId.replaceAll('-', '')}`
export const roleNameOf = (peerId: string): string => `powernode_repl_${hash('sha256', peerId, 'hex').slice(0, 16)}`

/** Those who follow, or are about to. Who takes over, or took over, has no slot to be judged by. */
const JUDGED: readonly MemberState[] = ['ready', 'streaming', 'lagging']
/** Those who are let in again, and stay what they are until they are seen to follow. */
const READMITTED: readonly MemberState[] = ['guarded', 'failed_back']

export const isReadmitted = ({ state }: Member): boolean => READMITTED.includes(state)

export type Judgement = {
  readonly member: Member
  readonly word?: SpawnWord
  /** The slot holds back what nobody will come for: it MUST go before the disk is full. */
  readonly dropSlot: boolean
}

/** What follows of what was seen of a member; `keepBytes` is max_slot_wal_keep_size, none when there is no such limit. */
export function judge(
  before: Member,
  { seen, keepBytes, now }: { readonly seen: Seen | undefined; readonly keepBytes: number | null; readonly now: Date },
): Judgement {
  const observed = observe(before, seen, now)
  const move = (state: MemberState, reason: string): Member =>
    state === before.state ? { ...observed, reason } : { ...observed, state, reason, since: now }
  const nearlyFull = keepBytes !== null && (seen?.retainedBytes ?? 0) >= keepBytes * ALARM_SHARE
  const isAbsent = seen !== undefined && !seen.active && !isOnItsWay(before, now)

  if (isReadmitted(before)) {
    if (seen?.state === 'streaming') return { member: move('streaming', ''), word: 'streaming', dropSlot: false }
    return { member: observed, dropSlot: nearlyFull && isAbsent }
  }
  if (!JUDGED.includes(before.state)) return { member: observed, dropSlot: false }
  if (!seen || seen.walStatus === 'lost') {
    const reason = 'its slot no longer holds the WAL that it needs: it has to copy the database anew'
    return { member: move('guarded', reason), word: 'wal_guarded', dropSlot: true }
  }
  if (nearlyFull && before.streamedAt === null && isAbsent) {
    const reason = `it never came, and its slot held back ${seen.retainedBytes} bytes of WAL of ${keepBytes} that it may`
    return { member: move('guarded', reason), word: 'wal_guarded', dropSlot: true }
  }
  if (nearlyFull && !before.alarmed) {
    const reason = `its slot holds back ${seen.retainedBytes} bytes of WAL of ${keepBytes} that it may`
    return { member: { ...observed, alarmed: true, reason }, word: 'wal_guarded', dropSlot: false }
  }
  const behind = whyBehind(observed, seen, now)
  if (behind !== undefined) {
    const word = before.state === 'lagging' ? {} : { word: 'lagging' as const }
    return { member: move('lagging', behind), ...word, dropSlot: false }
  }
  if (seen.state !== 'streaming') return { member: observed, dropSlot: false }
  const word = before.state === 'streaming' ? {} : { word: 'streaming' as const }
  const shown = before.streamedAt === null ? { passwordSealed: null } : {} // it logged in with it
  return { member: { ...move('streaming', ''), ...shown, alarmed: nearlyFull }, ...word, dropSlot: false }
}

function observe(before: Member, seen: Seen | undefined, now: Date): Member {
  return {
    ...before,
    observedAt: now,
    streamedAt: seen?.state === 'streaming' ? now : before.streamedAt,
    walStatus: seen?.walStatus ?? 'lost',
    retainedWalBytes: seen?.retainedBytes ?? null,
    replayLagBytes: seen?.replayLagBytes ?? null,
    replayLagSeconds: seen?.replayLagSeconds ?? null,
    sentLsn: seen?.sentLsn ?? '',
    replayLsn: seen?.replayLsn ?? '',
  }
}

/** It speaks to us, so it copies the database: a slot begins at the last checkpoint, which may lie far back. */
const isOnItsWay = ({ reportedAt }: Member, now: Date): boolean =>
  reportedAt !== null && now.getTime() - reportedAt.getTime() < SILENT_MS

/** Why a member that was there once is no good successor now; undefined when it is, or never came. */
function whyBehind({ streamedAt }: Member, seen: Seen, now: Date): string | undefined {
  if (streamedAt === null) return undefined
  if (now.getTime() - streamedAt.getTime() > AWAY_MS) return `away since ${streamedAt.toISOString()}`
  if (!seen.active) return undefined
  if ((seen.replayLagBytes ?? 0) > LAG_BYTES) return `${seen.replayLagBytes} bytes behind`
  if ((seen.replayLagSeconds ?? 0) > LAG_SECONDS) return `${seen.replayLagSeconds} s behind`
  return undefined
}
