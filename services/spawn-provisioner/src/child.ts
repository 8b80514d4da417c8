import type { JsonObject } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'

export const SPAWN_MODES = ['managed_child', 'autonomous_peer', 'cluster_member'] as const
export type SpawnMode = (typeof SPAWN_MODES)[number]

export const CHILD_STATES = ['preparing', 'provisioning', 'booting', 'joining', 'active', 'undoing', 'gone'] as const
export type ChildState = (typeof CHILD_STATES)[number]

/** Why a child is undone: before it was there, because it could not be made, or after it was there. */
export type Ending = 'cancelled' | 'failed' | 'terminated'

/** A platform that we made, from the moment somebody asked for it. */
export type Child = {
  readonly id: string
  readonly requestId: string
  readonly requestSha256: Buffer
  readonly hostname: string
  readonly spawnMode: SpawnMode
  readonly state: ChildState
  readonly reason: string
  readonly since: Date
  readonly ending: Ending | null
  readonly peerId: string | null
  readonly instanceId: string
  readonly platformId: string | null
  readonly templateId: string
  readonly providerId: string
  readonly regionId: string
  readonly instanceTypeId: string
  readonly parentUrl: string
  readonly proposedRoutes: readonly string[]
  readonly proposedCapabilities: JsonObject
  readonly tokenTtlMs: number
  readonly invitationExpiresAt: Date | null
  readonly bootDeadline: Date
  /** Its machine holds a dead token: from this moment whoever attends to it makes a new one and stamps it. */
  readonly stampDueAt: Date | null
  readonly createdBy: string
  readonly requestTrace: string
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly revision: number
}

export type ChildMove = 'prepare' | 'create' | 'speak' | 'live' | 'undo' | 'clear'

/** Every move a child may make. A move that is not listed is refused, by the database too. */
export const CHILD_MOVES: Readonly<Record<ChildState, Partial<Record<ChildMove, ChildState>>>> = {
  preparing: { prepare: 'provisioning', undo: 'undoing' },
  provisioning: { create: 'booting', undo: 'undoing' },
  booting: { speak: 'joining', undo: 'undoing' },
  joining: { live: 'active', undo: 'undoing' },
  active: { undo: 'undoing' },
  undoing: { clear: 'gone' },
  gone: {},
}

/** Nobody has to do anything for a child in one of these. */
export const SETTLED: readonly ChildState[] = ['active', 'gone']

/** The child after a move, with the reason that an operator will read. */
export function moved(child: Child, move: ChildMove, reason: string, at: Date): Child {
  const state = CHILD_MOVES[child.state][move]
  if (!state)
    throw new Refusal('CHILD_STATE_FORBIDS', `${child.hostname} is ${child.state}: ${child.reason}`, {
      metadata: { state: child.state, move },
      next: `fedctl child show ${child.hostname}`,
    })
  return changed({ ...child, state, reason, since: at }, at)
}

/** The child with something else of it changed. */
export const changed = (child: Child, at: Date): Child => ({ ...child, updatedAt: at, revision: child.revision + 1 })

/** Whether the invitation of its payload may still be redeemed. */
export const isUnspoken = ({ state, platformId }: Child): boolean =>
  platformId === null && ['preparing', 'provisioning', 'booting'].includes(state)

export const DEFAULT_TTL_MS = 600_000
const TTL_MS = { least: 60_000, most: 604_800_000 }

/** How long the invitation lives without a sign of progress. */
export function ttlFrom(saidMs: number | undefined): number {
  const ttlMs = saidMs ?? DEFAULT_TTL_MS
  if (ttlMs < TTL_MS.least || ttlMs > TTL_MS.most)
    throw new Refusal('SPAWN_TTL_OUT_OF_RANGE', 'a boot-bound invitation lives between 1 minute and 7 days')
  return ttlMs
}
