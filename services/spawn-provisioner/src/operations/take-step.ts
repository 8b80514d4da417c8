import { changed, isUnspoken, moved, type Child } from '../child.ts'
import { AFTER, BEGINNING, type Step, type StepName } from '../step.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import { tell } from './tell.ts'

export type OfStep = { readonly childId: string; readonly name: StepName }

/** A step is begun. Undefined: the child is being undone, and nothing of it may be begun any more. */
export async function beginStep(tx: SpawnTx, now: Date, { childId, name }: OfStep): Promise<Child | undefined> {
  const child = await children.lock(tx, childId)
  if (child.ending !== null) return undefined
  const step = await stepOf(tx, childId, name)
  if (step.status === 'done' || step.status === 'running') return child
  const begun: Step = { ...step, status: 'running', attempts: step.attempts + 1, startedAt: step.startedAt ?? now }
  await steps.save(tx, begun)
  const { move, word } = BEGINNING[name] ?? {}
  const after = move ? moved(child, move, REASONS[name], now) : child
  if (after !== child) await children.save(tx, after)
  if (word) await tell(tx, word, { child: after, at: now, step: begun })
  return after
}

/** What a step made that the ones after it, and the undoing, need. */
export type Made = {
  readonly detail: string
  readonly peerId?: string
  readonly invitationExpiresAt?: Date
  readonly providerRef?: string
  readonly platformId?: string
}

/** A step is done; so it stays. Undefined: meanwhile the child is being undone, and what was made is undone with it. */
export async function finishStep(
  tx: SpawnTx,
  now: Date,
  { childId, name, made }: OfStep & { readonly made: Made },
): Promise<Child | undefined> {
  const before = await children.lock(tx, childId)
  const step = await stepOf(tx, childId, name)
  const child = await keep(tx, now, before, made)
  if (child.ending !== null) return undefined
  const done: Step = { ...step, status: 'done', finishedAt: now, detail: made.detail.slice(0, 1_000) }
  await steps.save(tx, done)
  const { move, word } = AFTER[name]
  const after = move ? moved(child, move, REASONS_AFTER[move] ?? child.reason, now) : child
  if (after !== child) await children.save(tx, after)
  if (word) await tell(tx, word, { child: after, at: now, step: done })
  return after
}

/** A try failed, for a reason that may pass. */
export async function noteFailure(
  tx: SpawnTx,
  _now: Date,
  { childId, name, why }: OfStep & { readonly why: string },
): Promise<void> {
  const step = await stepOf(tx, childId, name)
  await steps.save(tx, { ...step, attempts: step.attempts + 1, detail: why.slice(0, 1_000) })
}

/** The child has redeemed its invitation, which is dead from now on. Said once, by whoever hears of it first. */
export async function noteSpoken(
  tx: SpawnTx,
  now: Date,
  { childId, platformId }: { readonly childId: string; readonly platformId: string },
): Promise<Child> {
  const child = await children.lock(tx, childId)
  if (child.platformId !== null || child.ending !== null) return child
  const spoken = changed({ ...child, platformId, invitationExpiresAt: null, stampDueAt: null }, now)
  await children.save(tx, spoken)
  await tell(tx, 'spoken', { child: spoken, at: now })
  await children.ring(tx, childId)
  return spoken
}

/** Notes what a step made, also when the child is being undone: what is not written down cannot be undone. */
async function keep(tx: SpawnTx, now: Date, child: Child, made: Made): Promise<Child> {
  if (made.providerRef !== undefined) {
    const instance = await instances.find(tx, child.instanceId)
    if (instance)
      await instances.save(tx, { ...instance, providerRef: made.providerRef, state: 'booting', since: now, progressAt: now }) // prettier-ignore
  }
  const { peerId = child.peerId, invitationExpiresAt } = made
  const open = isUnspoken(child) ? (invitationExpiresAt ?? child.invitationExpiresAt) : child.invitationExpiresAt
  if (peerId === child.peerId && open === child.invitationExpiresAt) return child
  const kept = changed({ ...child, peerId, invitationExpiresAt: open }, now)
  await children.save(tx, kept)
  return kept
}

export async function stepOf(tx: SpawnTx, childId: string, name: StepName): Promise<Step> {
  const step = (await steps.listOf(tx, childId)).find((one) => one.name === name)
  if (!step) throw new Error(`child ${childId} has no step ${name}`)
  return step
}

const REASONS: Readonly<Record<StepName, string>> = {
  prepare_peer: 'its peering is prepared',
  prepare_slot: 'its place in our WAL is prepared',
  prepare_role: 'its role is prepared',
  create_instance: 'its provider makes the instance',
  await_boot: 'the instance boots',
  await_accept: 'the instance runs, and has not spoken yet',
  await_active: 'it has spoken, and beats do not go both ways yet',
}

const REASONS_AFTER = {
  create: 'the instance boots, and has not spoken yet',
  speak: REASONS.await_active,
  live: 'it came up federated',
} as const satisfies Record<string, string> as Readonly<Record<string, string>>
