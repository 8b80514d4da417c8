import type { Capability } from './capability.ts'
import { SCOPES, type Scope } from './grant.ts'

export type SpawnModeWord = 'managed_child' | 'autonomous_peer' | 'cluster_member' | 'out_of_band'
export type SpawnRoleWord = 'parent' | 'child' | 'symmetric'

/** What is set by itself for a peer, by what the two platforms are to each other. */
export type Defaults = {
  /** The grant that the peer's operators hold here. */
  readonly operatorGrant: { readonly scopes: readonly Scope[] } | undefined
  readonly capabilities: readonly DefaultCapability[]
}

export type DefaultCapability = Pick<Capability, 'resourceKind' | 'direction' | 'policy' | 'conflictResolution'>

export const MANAGED_CHILD_OPERATOR = 'managed_child_operator'

/** For whom on the other side the operator grant is: the operators of our parent. */
export const parentOperator = (peerId: string): string => `parent-operator@${peerId}`

const NOTHING: Defaults = { operatorGrant: undefined, capabilities: [] }

/** The parent shapes its child: what it rolls out and offers goes down, and what the child runs is seen from above. */
const AS_PARENT: readonly DefaultCapability[] = [
  { resourceKind: 'NodeModule', direction: 'push_local_to_remote', policy: 'auto_on_change', conflictResolution: 'local_wins' },
  { resourceKind: 'service_offering', direction: 'push_local_to_remote', policy: 'auto_on_change', conflictResolution: 'local_wins' },
  { resourceKind: 'platform_deployment', direction: 'pull_remote_to_local', policy: 'auto_periodic', conflictResolution: 'remote_wins' },
] // prettier-ignore
/** The same three, seen from the other end: each record has one home, and its home wins. */
const AS_CHILD: readonly DefaultCapability[] = [
  { resourceKind: 'NodeModule', direction: 'pull_remote_to_local', policy: 'auto_on_change', conflictResolution: 'remote_wins' },
  { resourceKind: 'service_offering', direction: 'pull_remote_to_local', policy: 'auto_on_change', conflictResolution: 'remote_wins' },
  { resourceKind: 'platform_deployment', direction: 'push_local_to_remote', policy: 'auto_periodic', conflictResolution: 'local_wins' },
] // prettier-ignore

/**
 * The table, by spawn mode and by what WE are to the peer.
 *
 * - managed_child: the child gives its parent's operators a grant, because they are to act on the child; the parent gives
 *   its child none. An emancipated child takes that grant back.
 * - autonomous_peer, out_of_band: nothing. Equals do nothing to each other that no operator wanted.
 * - cluster_member: nothing either. Its data travels by replication of the database; rows here would carry it twice.
 */
const TABLE: Readonly<Record<SpawnModeWord, Readonly<Record<SpawnRoleWord, Defaults>>>> = {
  managed_child: {
    parent: { operatorGrant: undefined, capabilities: AS_PARENT },
    child: { operatorGrant: { scopes: ['read', 'write', 'admin'] }, capabilities: AS_CHILD },
    symmetric: NOTHING,
  },
  autonomous_peer: { parent: NOTHING, child: NOTHING, symmetric: NOTHING },
  cluster_member: { parent: NOTHING, child: NOTHING, symmetric: NOTHING },
  out_of_band: { parent: NOTHING, child: NOTHING, symmetric: NOTHING },
}

/** How settings may tighten the table: they take away, and add nothing. */
export type Tightening = { readonly operatorGrant: boolean; readonly operatorGrantScopes: readonly Scope[] }

/** The table as it stands. */
export const UNTIGHTENED: Tightening = { operatorGrant: true, operatorGrantScopes: SCOPES }

export function defaultsFor(
  { mode, role }: { mode: SpawnModeWord; role: SpawnRoleWord },
  { operatorGrant, operatorGrantScopes }: Tightening,
): Defaults {
  const defaults = TABLE[mode][role]
  if (!defaults.operatorGrant) return defaults
  const scopes = defaults.operatorGrant.scopes.filter((scope) => operatorGrantScopes.includes(scope))
  return { ...defaults, operatorGrant: operatorGrant && scopes.length > 0 ? { scopes } : undefined }
}
