import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { inTransaction } from '@powernode/postgres'
import {
  NodeEnrollmentSchema,
  type ClusterMembership,
  type MemberReport,
  type NodeEnrollment,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { mintToken, TOKEN_LIFE_MS } from '../bootstrap-token.ts'
import { isReadmitted, type Member } from '../member.ts'
import { openPassword, renewPassword } from '../operations/admit-member.ts'
import { tellOf } from '../operations/watch-member.ts'
import * as children from '../store/children.ts'
import * as members from '../store/members.ts'
import * as replication from '../store/replication.ts'
import * as tokens from '../store/bootstrap-tokens.ts'
import type { SpawnTx } from '../store/tables.ts'
import type { LineDeps } from './attend-member.ts'
import type { MemberLine } from './member-lines.ts'
import { membershipOf } from './primary.ts'

type To = { readonly member: Member; readonly line: MemberLine; readonly signal: AbortSignal }

const CREDENTIAL_WITHIN_MS = 30_000
const COPIES_WITHIN_MS = 30 * 60_000

/** Hands a member the password that was made for it, with a token for a certificate that lasts as long. */
export async function deliverCredential(
  deps: LineDeps,
  { member: { childId }, line, signal }: To,
): Promise<MemberReport | undefined> {
  const { db, clock, sealing, config } = deps
  const membership = await inTransaction(db, async (tx) => {
    const member = await members.lock(tx, childId)
    const password = member && openPassword(sealing, member)
    if (!member || password === undefined) return undefined // somebody else's line was faster
    const facts = await replication.facts(tx)
    return withToken(tx, clock.now(), { member, membership: membershipOf(config, { member, facts, password }) })
  })
  if (!membership) return undefined
  const order = {
    act: 'credential',
    membership,
    reason: 'the password and the certificate are replaced before they end',
  }
  const report = await line.give(order, { clock, withinMs: CREDENTIAL_WITHIN_MS, signal })
  if (!report || report.state === 'failed') return report
  await inTransaction(db, async (tx) => {
    const member = await forgetHanded(tx, deps, { childId, password: membership.password })
    if (!member) return
    const reason = `valid until ${member.roleExpiresAt?.toISOString()}`
    await tellOf(tx, 'credential_rotated', { childId, at: clock.now(), reason })
  })
  return report
}

/**
 * A member whose slot was dropped lives: it gets a new one, and copies the database anew.
 *
 * Until it is seen to follow it stays what it was. So an order that never arrived, because the line broke or we died, is
 * given again by its next line: nobody else would ever give the member its password.
 */
export async function readmit(
  deps: LineDeps,
  { member: { childId }, line, signal }: To,
): Promise<MemberReport | undefined> {
  const { db, clock, sealing, config } = deps
  const membership = await inTransaction(db, async (tx) => {
    const now = clock.now()
    const before = await members.lock(tx, childId)
    if (!before || !isReadmitted(before)) return undefined // somebody else's line was faster
    const member = { ...(await renewPassword(tx, now, { childId, sealing })), reason: 'it copies the database anew' }
    await members.save(tx, member)
    await replication.makeSlot(tx, member.slotName)
    const facts = await replication.facts(tx)
    const password = openPassword(sealing, member) ?? ''
    return withToken(tx, now, { member, membership: membershipOf(config, { member, facts, password }) })
  })
  if (!membership) return undefined
  const order = { act: 'follow', membership, reason: 'it is let in again, and copies our database anew' }
  const report = await line.give(order, { clock, withinMs: COPIES_WITHIN_MS, signal })
  if (!report || report.state === 'failed') return report
  await inTransaction(db, (tx) => forgetHanded(tx, deps, { childId, password: membership.password }))
  return report
}

/** The member has it. Undefined: another one was made meanwhile, and that one has not arrived. */
async function forgetHanded(
  tx: SpawnTx,
  { sealing }: LineDeps,
  { childId, password }: { readonly childId: string; readonly password: string },
): Promise<Member | undefined> {
  const member = await members.lock(tx, childId)
  if (!member || openPassword(sealing, member) !== password) return undefined
  await members.save(tx, { ...member, passwordSealed: null })
  return member
}

type Bare = { readonly member: Member; readonly membership: ClusterMembership }

/** With the token by which the member gets another certificate in the name of its role. */
export async function withToken(tx: SpawnTx, now: Date, { member, membership }: Bare): Promise<ClusterMembership> {
  return { ...membership, replicaEnrollment: await replicaToken(tx, now, member) }
}

async function replicaToken(tx: SpawnTx, now: Date, { childId, roleName }: Member): Promise<NodeEnrollment> {
  const { token: bootstrapToken, digest } = mintToken()
  const expiresAt = new Date(now.getTime() + TOKEN_LIFE_MS)
  await tokens.replace(tx, { digest, childId, purpose: 'replica', subject: roleName, issuedAt: now, expiresAt })
  const child = await children.find(tx, childId)
  return create(NodeEnrollmentSchema, {
    bootstrapToken,
    platformUrl: child?.parentUrl ?? '',
    intendedSubject: roleName,
    expiresAt: timestampFromDate(expiresAt),
  })
}
