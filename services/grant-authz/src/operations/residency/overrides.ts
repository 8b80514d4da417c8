import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { overrideChanged, type By } from '../../events/residency.ts'
import { overrideTtl, type Override } from '../../override.ts'
import * as overrides from '../../store/overrides.ts'
import type { GrantTx } from '../../store/tables.ts'

/** One call of a peer that residency forbids will be allowed, once. Heard by audit-ledger, as an entry of its own. */
export async function createOverride(
  tx: GrantTx,
  now: Date,
  said: Pick<Override, 'peerId' | 'resourceKind' | 'resourceId' | 'reason'> & { by: By; ttlMs: number | undefined },
): Promise<Override> {
  const { by, peerId, resourceKind, resourceId, reason } = said
  const override: Override = {
    id: newId(now),
    peerId,
    resourceKind,
    resourceId,
    reason,
    createdBy: by.actor,
    createdAt: now,
    expiresAt: new Date(now.getTime() + overrideTtl(said.ttlMs)),
    decisionId: undefined,
    usedAt: undefined,
    revokedAt: undefined,
  }
  await overrides.add(tx, override)
  await append(tx, overrideChanged('overridden', override, { at: now, by }))
  return override
}

/**
 * A decision uses an override up. Whether it may: of many that try, one.
 *
 * The same decision asking again, because it did not hear the answer, is told the same. Heard by audit-ledger.
 */
export async function consumeOverride(
  tx: GrantTx,
  now: Date,
  { by, id, decisionId }: { by: By; id: string; decisionId: string },
): Promise<boolean> {
  const used = await overrides.use(tx, now, { id, decisionId })
  if (!used) return (await overrides.find(tx, id))?.decisionId === decisionId
  await append(tx, overrideChanged('override-used', used, { at: now, by }))
  return true
}

/** An override is taken back. One that is over already stays what it became. */
export async function revokeOverride(tx: GrantTx, now: Date, { by, id }: { by: By; id: string }): Promise<Override> {
  const revoked = await overrides.revoke(tx, now, id)
  if (revoked) {
    await append(tx, overrideChanged('override-revoked', revoked, { at: now, by }))
    return revoked
  }
  const over = await overrides.find(tx, id)
  if (over) return over
  throw new Refusal('OVERRIDE_NOT_FOUND', `there is no override ${id}`, { next: 'fedctl residency override list' })
}

const AT_ONCE = 1_000

/** Gateways forget overrides that nobody used in time. It decides nothing: an override is over at its last moment. */
export async function withdrawExpired(tx: GrantTx, now: Date): Promise<number> {
  return overrides.withdrawExpired(tx, now, AT_ONCE)
}
