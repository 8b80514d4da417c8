import { inTransaction } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { openPassword, renewPassword, reserveSlot } from '../operations/admit-member.ts'
import { tellOf } from '../operations/watch-member.ts'
import { roleNameOf, slotNameOf } from '../member.ts'
import type { SpawnDeps } from '../spawn-deps.ts'
import * as members from '../store/members.ts'
import * as replication from '../store/replication.ts'
import type { SpawnTx } from '../store/tables.ts'
import { membershipOf, primaryAddressOf, redisAddressOf } from './primary.ts'
import type { Leftover, ReplicationArea } from './replication.ts'

type Preparations = Pick<
  ReplicationArea,
  'ready' | 'prepareSlot' | 'prepareRole' | 'dropRole' | 'dropSlot' | 'membership' | 'leftovers'
>

/** What the saga asks of our Postgres for a member; every one may be asked again. */
export function preparations(deps: SpawnDeps): Preparations {
  const { db, clock, config, sealing } = deps
  const act = <T>(work: (tx: SpawnTx, now: Date) => Promise<T>, signal: AbortSignal) =>
    inTransaction(db, (tx) => work(tx, clock.now()), { signal })
  const refuseUnready = async (signal: AbortSignal) => {
    const why = await act((tx) => whyUnready(tx, deps), signal)
    if (why !== undefined) throw new Refusal('REPLICATION_NOT_CONFIGURED', why)
  }
  return {
    ready: (signal) => act((tx) => whyUnready(tx, deps), signal),
    async prepareSlot({ childId, peerId }, signal) {
      await refuseUnready(signal)
      const primaryAddress = primaryAddressOf(config)
      const admitted = { childId, peerId, primaryAddress, redisAddress: redisAddressOf(config) }
      const { slotName, lsn } = await act((tx, now) => reserveSlot(tx, now, admitted), signal)
      return `the slot ${slotName} holds back WAL from ${lsn}`
    },
    async prepareRole({ childId }, signal) {
      await refuseUnready(signal)
      const { roleName, roleExpiresAt } = await act(async (tx, now) => {
        const member = await renewPassword(tx, now, { childId, sealing })
        await tellOf(tx, 'replica_ready', {
          childId,
          at: now,
          reason: `${member.roleName} on ${member.primaryAddress}`,
        })
        return member
      }, signal)
      return `the role ${roleName} may replicate until ${roleExpiresAt?.toISOString()}`
    },
    dropRole: ({ peerId }, signal) =>
      act(async (tx) => {
        if (await replication.isInstalled(tx)) await replication.dropRole(tx, roleNameOf(peerId))
      }, signal),
    dropSlot: ({ childId, peerId }, signal) =>
      act(async (tx) => {
        if (await replication.isInstalled(tx)) await replication.dropSlot(tx, slotNameOf(peerId))
        await members.remove(tx, childId)
      }, signal),
    membership: ({ childId }, signal) =>
      act(async (tx, now) => {
        const member = await members.lock(tx, childId)
        if (!member) throw new Refusal('NOT_CLUSTER_MEMBER', 'this child keeps no replica of our database')
        const password = openPassword(sealing, member)
        const facts = await replication.facts(tx)
        if (password !== undefined) return membershipOf(config, { member, facts, password })
        // It has logged in with the one it got; whoever asks again has lost it.
        const renewed = await renewPassword(tx, now, { childId, sealing })
        return membershipOf(config, { member: renewed, facts, password: openPassword(sealing, renewed) ?? '' })
      }, signal),
    leftovers: (living, signal) => act((tx) => leftovers(tx, living), signal),
  }
}

async function whyUnready(tx: SpawnTx, { config }: SpawnDeps): Promise<string | undefined> {
  if (!config.replication.primary) return 'nobody says where members would reach our Postgres: set REPLICATION_PRIMARY'
  if (!(await replication.isInstalled(tx)))
    return 'our Postgres was not prepared for replicas: run deploy/postgres/replication.sql as superuser'
  const { walLevel, keepBytes, inRecovery, fenced } = await replication.facts(tx)
  if (walLevel === 'minimal') return 'our Postgres writes too little WAL for replicas: set wal_level = replica'
  if (keepBytes === null) return 'a member that stays away could fill our disk: set max_slot_wal_keep_size'
  if (inRecovery || fenced) return 'our Postgres is not the primary: a member was promoted in its place'
  return undefined
}

async function leftovers(tx: SpawnTx, livingPeerIds: readonly string[]): Promise<readonly Leftover[]> {
  if (!(await replication.isInstalled(tx))) return []
  const [slots, roles] = [new Set(livingPeerIds.map(slotNameOf)), new Set(livingPeerIds.map(roleNameOf))]
  const found: Leftover[] = []
  for (const { slotName } of await replication.watch(tx))
    if (!slots.has(slotName)) found.push({ kind: 'slot', name: slotName })
  for (const name of await replication.roles(tx)) if (!roles.has(name)) found.push({ kind: 'role', name })
  return found
}
