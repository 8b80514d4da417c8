import { append, appendAll } from '@powernode/events'
import type { Sealing } from '../../bearer-seal.ts'
import { defaultsFor, MANAGED_CHILD_OPERATOR, parentOperator, UNTIGHTENED } from '../../default-policy.ts'
import { capabilityChanged, type Cause } from '../../events.ts'
import { statusAt, type Grant } from '../../grant.ts'
import type { Relationship } from '../../review.ts'
import { ANY } from '../../axes.ts'
import * as capabilities from '../../store/capabilities.ts'
import * as grants from '../../store/grants.ts'
import * as peers from '../../store/peers.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'
import { endCascade, MANAGED_CHILD } from '../approvals/cascade-policies.ts'
import { createGrant } from '../grants/create-grant.ts'
import { renewGrant } from '../grants/renew-grant.ts'
import { revokeGrant } from '../grants/revoke-grant.ts'
import { updateGrant } from '../grants/update-grant.ts'

type Said = {
  readonly peerId: string
  readonly relationship: Relationship
  /** It loses what it is not due any more, and is given nothing. */
  readonly suspended: boolean
  readonly sealing: Sealing
  readonly cause: Cause
}

/**
 * A peer is given what is given by itself (default-policy.ts), and what it is not due any more is taken away.
 *
 * May run any number of times: what is there is left alone, what is missing is repaired, and what an operator took away is
 * not given again for as long as the relationship stands. Under the peer's lock, and never for one that is over.
 */
export async function applyDefaults(tx: GrantTx, now: Date, said: Said): Promise<void> {
  const peer = await peers.lock(tx, said.peerId)
  if (peer.revokedAt) return
  const standing = `${said.relationship.mode}/${said.relationship.role}`
  const changed = peer.relationship !== standing
  await settleOperatorGrant(tx, now, { ...said, peer, changed })
  await settleCapabilities(tx, now, { ...said, changed })
  if (standing !== MANAGED_CHILD) await endCascade(tx, now, { peerId: peer.id, cause: said.cause })
  await peers.noteReview(tx, peer.id, { relationship: standing, at: now })
}

type Told = Said & { readonly peer: peers.KnownPeer; readonly changed: boolean }

async function settleOperatorGrant(tx: GrantTx, now: Date, said: Told): Promise<void> {
  const { peer, relationship, suspended, cause, changed } = said
  const limits = await settings.read(tx)
  const due = defaultsFor(relationship, limits).operatorGrant
  const held = peer.operatorGrantId === null ? undefined : await grants.lock(tx, peer.operatorGrantId)
  const lives = held && statusAt(held, now) === 'active'
  const belongs = defaultsFor(relationship, UNTIGHTENED).operatorGrant !== undefined
  const refusedByOperator = held?.revokedBy.startsWith('operator/') ?? false

  if (!due) {
    const reason = belongs ? 'the settings of the platform give none' : 'we are no longer a managed child of this peer'
    if (lives) await revokeGrant(tx, now, { grantId: held.id, reason, cause })
    if (held && !(belongs && refusedByOperator)) await peers.noteOperatorGrant(tx, peer.id, null)
    return
  }
  if (held && lives) return keepWithin(tx, now, { grant: held, allowed: limits.operatorGrantScopes, cause })
  if (suspended || refusedByOperator) return
  if (!held && !changed && (await wasTakenAway(tx, peer.id))) return
  await issueOperatorGrant(tx, now, { ...said, scopes: due.scopes })
}

/**
 * Whether an operator took away the same grant that an operator had given by hand. From then on it counts as the one that
 * we gave and an operator took away, until the relationship is another.
 */
async function wasTakenAway(tx: GrantTx, peerId: string): Promise<boolean> {
  const newest = await grants.newestLike(tx, operatorGrantOf(peerId))
  if (!newest?.revokedBy.startsWith('operator/')) return false
  await peers.noteOperatorGrant(tx, peerId, newest.id)
  return true
}

const operatorGrantOf = (peerId: string) => ({
  peerId,
  remoteSubject: parentOperator(peerId),
  resourceKind: MANAGED_CHILD_OPERATOR,
  resourceId: '',
})

/** The grant that is there is narrowed to what the settings allow, and prolonged before it ends. Never widened. */
async function keepWithin(
  tx: GrantTx,
  now: Date,
  { grant, allowed, cause }: { grant: Grant; allowed: readonly string[]; cause: Cause },
): Promise<void> {
  const scopes = grant.scopes.filter((scope) => allowed.includes(scope))
  if (scopes.length === 0) {
    await revokeGrant(tx, now, { grantId: grant.id, reason: 'the settings of the platform allow none of it', cause })
    return
  }
  if (scopes.length < grant.scopes.length)
    await updateGrant(tx, now, { grantId: grant.id, changes: { scopes }, ifRevision: 0, cause })
  if (grant.expiresAt.getTime() - now.getTime() <= grant.ttlMs / 4)
    await renewGrant(tx, now, { grantId: grant.id, ttlMs: undefined, cause })
}

/** Nobody is there to see its bearer, so the bearer is sent to the peer's platform. */
async function issueOperatorGrant(
  tx: GrantTx,
  now: Date,
  { peerId, relationship, sealing, cause, scopes }: Said & { scopes: Grant['scopes'] },
): Promise<void> {
  // An operator who gave the same by hand has done our work, and keeps it.
  const key = operatorGrantOf(peerId)
  const given = await grants.unendedLike(tx, key)
  if (given && statusAt(given, now) === 'active') return
  const { grant } = await createGrant(tx, now, {
    ...key,
    scopes,
    nodeInstanceIds: ANY,
    sdwanNetworkIds: ANY,
    sourceCidrs: ANY,
    boundIdentities: [],
    ttlMs: undefined,
    metadata: { auto_issued_by: cause.actor, spawn_mode: relationship.mode, spawn_role: relationship.role },
    deliver: true,
    sealing,
    cause,
  })
  await peers.noteOperatorGrant(tx, peerId, grant.id)
}

async function settleCapabilities(tx: GrantTx, now: Date, said: Said & { changed: boolean }): Promise<void> {
  const { peerId, relationship, suspended, cause, changed } = said
  if (changed) {
    const dropped = await capabilities.dropSetBy(tx, peerId, cause.actor)
    for (const capability of dropped)
      await append(tx, capabilityChanged(capability, now, { ...cause, word: 'removed' }))
  }
  if (suspended) return
  const wanted = defaultsFor(relationship, UNTIGHTENED).capabilities.map((row) => ({
    ...row,
    peerId,
    filter: {},
    setBy: cause.actor,
    setAt: now,
  }))
  const added = await capabilities.addMissing(tx, wanted)
  await appendAll(
    tx,
    added.map((capability) => capabilityChanged(capability, now, { ...cause, word: 'set' })),
  )
}
