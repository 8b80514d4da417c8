import type { Happening } from './happening.ts'

/**
 * Kinds whose payload is shipped to the peer whose log it stands in, along with the entry. Of all others the peer sees that
 * they happened, when, and a hash.
 *
 * Only what says nothing but what the peer can see for itself. Whatever carries texts of operators, their names, other peers or
 * our view of the peer (grants, reviews, settings, calls and why they were refused) does not belong here.
 */
const DISCLOSED: ReadonlySet<string> = new Set(['federation.audit.pruned', 'federation.audit.recovered'])

export function isDisclosed({ kind, peerId }: Pick<Happening, 'kind' | 'peerId'>): boolean {
  return peerId !== '' && DISCLOSED.has(kind)
}
