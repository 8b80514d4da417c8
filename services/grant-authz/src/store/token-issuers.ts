import type { GrantTx } from './tables.ts'

/** Whose tokens are taken beside our own, and the keys it last said were its. */
export type OidcIssuer = {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
  readonly jwks: string
  readonly confirmedAt: Date | null
}

/** The one there is, locked until the transaction ends. */
export async function lock(tx: GrantTx): Promise<OidcIssuer | undefined> {
  return selected(tx).forUpdate().executeTakeFirst()
}

export async function find(tx: GrantTx): Promise<OidcIssuer | undefined> {
  return selected(tx).executeTakeFirst()
}

function selected(tx: GrantTx) {
  return tx
    .selectFrom('token_issuer')
    .select(['issuer', 'audience', 'algorithms', 'jwks', 'confirmed_at as confirmedAt'])
}

export async function save(tx: GrantTx, { confirmedAt, ...said }: OidcIssuer): Promise<void> {
  const row = { ...said, confirmed_at: confirmedAt }
  await tx
    .insertInto('token_issuer')
    .values({ one: true, ...row })
    .onConflict((on) => on.column('one').doUpdateSet(row))
    .execute()
}

export async function remove(tx: GrantTx): Promise<void> {
  await tx.deleteFrom('token_issuer').execute()
}
