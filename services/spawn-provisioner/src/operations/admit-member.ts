import { randomBytes } from 'node:crypto'
import type { SealingKey } from '@powernode/identity'
import { scramVerifier } from '@powernode/postgres'
import { ROLE_LIFE_MS, roleNameOf, slotNameOf, type Member } from '../member.ts'
import * as members from '../store/members.ts'
import * as replication from '../store/replication.ts'
import type { SpawnTx } from '../store/tables.ts'

export type Admitted = {
  readonly childId: string
  readonly peerId: string
  readonly primaryAddress: string
  readonly redisAddress: string
}

/** Reserves what a member will need of our WAL, from this moment on. */
export async function reserveSlot(
  tx: SpawnTx,
  now: Date,
  admitted: Admitted,
): Promise<{ slotName: string; lsn: string }> {
  const { peerId } = admitted
  await members.insert(tx, {
    ...BLANK,
    ...admitted,
    since: now,
    slotName: slotNameOf(peerId),
    roleName: roleNameOf(peerId),
  })
  const member = await lockMember(tx, admitted.childId)
  return { slotName: member.slotName, lsn: await replication.makeSlot(tx, member.slotName) }
}

/**
 * Gives the member's role a password that nobody had before, and keeps it sealed until the member has logged in with it.
 *
 * One transaction: a role whose password nobody knows, or a password of no role, cannot be. The one before is dead for
 * whoever logs in from then on; who is logged in stays so.
 */
export async function renewPassword(
  tx: SpawnTx,
  now: Date,
  { childId, sealing }: { readonly childId: string; readonly sealing: SealingKey },
): Promise<Member> {
  const before = await lockMember(tx, childId)
  const password = randomBytes(32).toString('base64url')
  const until = new Date(now.getTime() + ROLE_LIFE_MS)
  await replication.makeRole(tx, { role: before.roleName, verifier: scramVerifier(password), until })
  const passwordSealed = sealing.seal(Buffer.from(password), passwordContext(childId))
  const state = before.state === 'preparing' ? 'ready' : before.state
  const member: Member = { ...before, state, passwordSealed, roleExpiresAt: until }
  await members.save(tx, member)
  return member
}

/** The password that the member has not shown yet; undefined when it has. */
export function openPassword(sealing: SealingKey, { childId, passwordSealed }: Member): string | undefined {
  return passwordSealed ? sealing.open(passwordSealed, passwordContext(childId)).toString() : undefined
}

export async function lockMember(tx: SpawnTx, childId: string): Promise<Member> {
  const member = await members.lock(tx, childId)
  if (!member) throw new Error(`the child ${childId} keeps no replica`)
  return member
}

export const passwordContext = (childId: string): string =>
  `spawn_provisioner.cluster_member.password_sealed ${childId}`

/** A member as it begins. */
export const BLANK = {
  state: 'preparing',
  reason: '',
  passwordSealed: null,
  roleExpiresAt: null,
  streamedAt: null,
  alarmed: false,
  walStatus: '',
  replayLagBytes: null,
  retainedWalBytes: null,
  replayLagSeconds: null,
  sentLsn: '',
  replayLsn: '',
  observedAt: null,
  redisStatus: 'untried',
  address: '',
  reportedAt: null,
  claim: '',
} as const satisfies Partial<Member>
