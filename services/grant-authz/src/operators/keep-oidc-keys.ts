import type { Clock } from '@powernode/clock'
import { backoffMs } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { OidcConfig } from '../config.ts'
import { forgetOldKeys, noteKeys, setIssuer } from '../operations/operators/set-issuer.ts'
import type { Tables } from '../store/tables.ts'
import { askIssuer } from './ask-issuer.ts'

/** An issuer shows a new key before it signs with it: a quarter of an hour is usual, a minute is soon enough. */
const ASK_EVERY_MS = 60_000
const RETRY = { firstMs: 1_000, mostMs: ASK_EVERY_MS }

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }

/**
 * Keeps the keys of the OpenID Connect issuer as it shows them; with none in the configuration, keeps none.
 *
 * Whatever the issuer answers, or does not, services are told only what is in our table: they never ask it themselves.
 */
export async function keepOidcKeys(
  { db, clock, logger }: Deps,
  oidc: OidcConfig | undefined,
  signal: AbortSignal,
): Promise<void> {
  await inTransaction(db, (tx) => setIssuer(tx, clock.now(), oidc))
  if (!oidc) return
  for (let failures = 0; !signal.aborted;) {
    try {
      const jwks = await askIssuer(oidc.issuer, signal)
      const isNews = await inTransaction(db, (tx) => noteKeys(tx, clock.now(), { issuer: oidc.issuer, jwks }))
      if (isNews) logger.info({ task: 'oidc', url: oidc.issuer }, 'the issuer of operator tokens has these keys now')
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      logger.warn(
        { task: 'oidc', url: oidc.issuer, error },
        'the issuer of operator tokens cannot be asked for its keys',
      )
      await inTransaction(db, (tx) => forgetOldKeys(tx, clock.now(), undefined))
    }
    await clock.sleep(failures === 0 ? ASK_EVERY_MS : backoffMs(failures, RETRY), signal)
  }
}
