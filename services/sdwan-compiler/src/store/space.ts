import { sql } from 'kysely'
import type { SdwanTx } from './tables.ts'

export type Space = { readonly install: string; readonly account: string }

/** The prefixes that everything is allocated from; undefined until they were drawn. */
export async function find(tx: SdwanTx, accountId: string): Promise<Space | undefined> {
  const { rows } = await sql<Space>`
    select install.prefix as install, account.prefix as account from install, account where account.id = ${accountId}`.execute(
    tx,
  )
  return rows[0]
}

export async function install(tx: SdwanTx): Promise<string | undefined> {
  const { rows } = await sql<{ prefix: string }>`select prefix from install`.execute(tx)
  return rows[0]?.prefix
}

export async function draw(tx: SdwanTx, prefix: string, at: Date): Promise<void> {
  await sql`insert into install (prefix, drawn_at) values (${prefix}, ${at})`.execute(tx)
}

export async function accounts(tx: SdwanTx): Promise<readonly string[]> {
  const { rows } = await sql<{ prefix: string }>`select prefix from account`.execute(tx)
  return rows.map(({ prefix }) => prefix)
}

export async function open(tx: SdwanTx, accountId: string, prefix: string): Promise<void> {
  await sql`insert into account (id, prefix) values (${accountId}, ${prefix})`.execute(tx)
}
