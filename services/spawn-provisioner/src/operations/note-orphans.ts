import { append } from '@powernode/events'
import { changed, type Child } from '../child.ts'
import { spawnMoved } from '../events.ts'
import type { OrphanKind } from '../orphan.ts'
import { PEERING_OVER } from '../standing.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as orphans from '../store/orphans.ts'
import type { SpawnTx } from '../store/tables.ts'
import { tell } from './tell.ts'

/** Found where nothing should be. */
export type Found = { readonly kind: OrphanKind; readonly name: string; readonly beganAt: Date }

/** Whose: a provider, or nobody's. */
export type Owner = { readonly id: string; readonly name: string } | undefined

/**
 * Writes down what belongs to nobody, tells of each once, and forgets what is seen no more. `kinds` are those that were
 * looked for; `about` names the announcement of what no child is behind.
 */
export async function noteOrphans(
  tx: SpawnTx,
  now: Date,
  said: {
    readonly owner: Owner
    readonly kinds: readonly OrphanKind[]
    readonly found: readonly Found[]
    readonly about: string
    /** What is known to be missing still is, by the names of its children. */
    readonly missing?: readonly string[]
  },
): Promise<number> {
  const { owner, kinds, found, about, missing = [] } = said
  const providerId = owner?.id ?? null
  await orphans.forgetOthers(tx, { providerId, kinds, seen: [...found.map(({ name }) => name), ...missing] })
  let fresh = 0
  for (const { kind, name, beganAt } of found) {
    if (!(await orphans.insert(tx, { kind, name, providerId, missing: false, beganAt, foundAt: now }))) continue
    fresh += 1
    const reason = `${whereIs({ kind, name }, owner)}, which no child needs`
    await append(tx, spawnMoved('orphan_found', { about, at: now, reason }))
  }
  return fresh
}

function whereIs({ kind, name }: Pick<Found, 'kind' | 'name'>, owner: Owner): string {
  if (owner) return `${owner.name} runs the instance ${name}`
  return kind === 'peer' ? `peer-registry keeps the proposed peer ${name}` : `Postgres keeps the ${kind} ${name}`
}

/** The machine of a child that was there is missing: told once. */
export async function noteMissing(tx: SpawnTx, now: Date, childId: string): Promise<boolean> {
  const child = await children.lock(tx, childId)
  const instance = await instances.find(tx, child.instanceId)
  if (child.state !== 'active' || !instance || instance.state === 'gone') return false
  const { hostname: name, providerId } = child
  const missing = { kind: 'instance', name, providerId, missing: true, beganAt: now, foundAt: now } as const
  if (!(await orphans.insert(tx, missing))) return false
  const reason = 'its provider has nothing of this name any more'
  await instances.save(tx, { ...instance, state: 'lost', reason, since: now })
  const said = `the instance ${instance.providerRef} of ${name} is missing`
  await tell(tx, 'orphan_found', { child, at: now, reason: said })
  return true
}

/** The peering with an active child was ended: its machine is there for nobody. Returns the child when that is news. */
export async function notePeeringOver(tx: SpawnTx, now: Date, childId: string): Promise<Child | undefined> {
  const child = await children.lock(tx, childId)
  if (child.state !== 'active' || child.reason === PEERING_OVER) return undefined
  const over = changed({ ...child, reason: PEERING_OVER, since: now }, now)
  await children.save(tx, over)
  return over
}
