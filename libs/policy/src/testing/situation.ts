import type { AccessRequest, Axis, DecisionReason, PolicyGrant } from '../policy.ts'
import type { WireReason } from '../wire.ts'
import { GRANT, NOW_MS, WORLD, type Page, type World } from './world.ts'

/** A call, and what is to be decided about it. */
export type Situation = {
  readonly name: string
  readonly world: World
  readonly reason: DecisionReason
  readonly axis: Axis | ''
  /** What the peer is told; undefined: it is let in. */
  readonly wire: WireReason | undefined
  /** Of an allowed list: the one resource it may show. */
  readonly onlyId?: string
  /** Allowed, and residency advises against it. */
  readonly advised?: boolean
}

export type Change = {
  readonly grant?: Partial<PolicyGrant>
  readonly request?: Partial<AccessRequest>
  readonly page?: Page
  readonly atMs?: number
}

export const given = ({ grant = {}, request = {}, page = {}, atMs = NOW_MS }: Change): World => ({
  page: { ...WORLD.page, grants: [{ ...GRANT, ...grant }], ...page },
  request: { ...WORLD.request, ...request },
  atMs,
})

export const allowed = (name: string, change: Change, more: Partial<Situation> = {}): Situation => ({
  name,
  world: given(change),
  reason: 'ALLOWED',
  axis: '',
  wire: undefined,
  ...more,
})

export const invalid = (name: string, axis: Axis, reason: DecisionReason, change: Change): Situation => ({
  name,
  world: given(change),
  reason,
  axis,
  wire: 'GRANT_INVALID',
})

export const mismatch = (name: string, axis: Axis, change: Change): Situation => ({
  name,
  world: given(change),
  reason: 'SCOPE_MISMATCH',
  axis,
  wire: 'SCOPE_MISMATCH',
})

export const outside = (
  name: string,
  reason: 'RESIDENCY_VIOLATION' | 'RESIDENCY_UNKNOWN',
  change: Change,
): Situation => ({
  name,
  world: given(change),
  reason,
  axis: 'residency',
  wire: 'RESIDENCY_VIOLATION',
})
