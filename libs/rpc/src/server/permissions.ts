/**
 * Everything an operator may be allowed to do, one word an area of work. Roles are sets of these, and the tables of
 * callers name them; a word that is not here can be in neither.
 */
export const PERMISSIONS = [
  'system.federation.read',
  'system.federation_peers.manage',
  'system.federation_grants.manage',
  'system.federation_residency.manage',
  'system.federation_resources.manage',
  'system.federation_ca.manage',
  'system.federation.spawn',
  'system.sdwan.manage',
  'system.infra_tasks.control',
  'system.operators.manage',
] as const

export type Permission = (typeof PERMISSIONS)[number]

/** Whether `word` is a permission of ours: rows and requests may say anything. */
export function isPermission(word: string): word is Permission {
  return (PERMISSIONS as readonly string[]).includes(word)
}
