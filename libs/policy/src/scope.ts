/** What a grant lets a peer do. None implies another: who may `admin` may not read unless `read` is there too. */
export type Scope = 'read' | 'write' | 'admin' | 'migrate'

/** The bit of each scope, as the policy feed carries them. */
const BIT: Readonly<Record<Scope, number>> = { read: 1, write: 2, admin: 4, migrate: 8 }

export const SCOPES: readonly Scope[] = ['read', 'write', 'admin', 'migrate']

export function isScope(text: string): text is Scope {
  return Object.hasOwn(BIT, text)
}

export function scopeBits(scopes: readonly Scope[]): number {
  return scopes.reduce((bits, scope) => bits | BIT[scope], 0)
}

/** Bits that are no scope of ours are nothing. */
export function scopesOf(bits: number): Scope[] {
  return SCOPES.filter((scope) => hasScope(bits, scope))
}

/** False for a word that is no scope, whatever the bits. */
export function hasScope(bits: number, scope: string): boolean {
  return isScope(scope) && (bits & BIT[scope]) !== 0
}
