import type { GrantTx } from '../../store/tables.ts'
import * as tokenIssuers from '../../store/token-issuers.ts'

/** Keys that their issuer has not confirmed for so long are not used: it may have taken one back. */
const CONFIRMED_WITHIN_MS = 24 * 3_600_000

type Issuer = Pick<tokenIssuers.OidcIssuer, 'issuer' | 'audience' | 'algorithms'>

/** The issuer is the one of the configuration, or none. The keys of another are forgotten with it. */
export async function setIssuer(tx: GrantTx, _now: Date, said: Issuer | undefined): Promise<void> {
  const before = await tokenIssuers.lock(tx)
  if (!said) return tokenIssuers.remove(tx)
  const { issuer, audience, algorithms } = said
  const held = before?.issuer === issuer ? before : undefined
  const { jwks = '', confirmedAt = null } = held ?? {}
  await tokenIssuers.save(tx, { issuer, audience, algorithms, jwks, confirmedAt })
}

/** The issuer showed its keys. Returns whether they are others than before; told to every service then. */
export async function noteKeys(
  tx: GrantTx,
  now: Date,
  { issuer, jwks }: { issuer: string; jwks: string },
): Promise<boolean> {
  const before = await tokenIssuers.lock(tx)
  if (before?.issuer !== issuer) return false
  await tokenIssuers.save(tx, { ...before, jwks, confirmedAt: now })
  return before.jwks !== jwks
}

/** The issuer cannot be asked: what it confirmed too long ago is not used any more. */
export async function forgetOldKeys(tx: GrantTx, now: Date, _said: undefined): Promise<void> {
  const before = await tokenIssuers.lock(tx)
  if (!before?.confirmedAt || now.getTime() - before.confirmedAt.getTime() < CONFIRMED_WITHIN_MS) return
  await tokenIssuers.save(tx, { ...before, jwks: '', confirmedAt: null })
}
