/** Something that nobody needs, or that is missing where somebody needs it. */
export type OrphanKind = 'instance' | 'slot' | 'role' | 'peer'

export const ORPHAN_KINDS = ['instance', 'slot', 'role', 'peer'] as const satisfies readonly OrphanKind[]

type Orphan = { readonly kind: OrphanKind; readonly name: string; readonly missing: boolean }

/** The command that removes it. */
export function nextFor({ kind, name, missing }: Orphan): string {
  if (missing) return `fedctl child terminate ${name}`
  if (kind === 'instance') return `fedctl instance terminate ${name}`
  if (kind === 'peer') return `fedctl peer revoke ${name}`
  return `it is dropped by itself; if it stays: the log of spawn-provisioner says what is in the way of ${name}`
}
