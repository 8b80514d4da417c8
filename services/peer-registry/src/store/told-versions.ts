import type { Tx } from '@powernode/postgres'
import type { Tables } from './tables.ts'

export type ToldVersion = { readonly processId: string; readonly version: string; readonly seenAt: Date }

/** What each process was told, as far as it was told something. */
export async function list(tx: Tx<Tables>): Promise<string[]> {
  const rows = await tx.selectFrom('told_version').select('version').where('version', '<>', '').execute()
  return rows.map(({ version }) => version)
}

export async function put(tx: Tx<Tables>, { processId, version, seenAt }: ToldVersion): Promise<void> {
  const said = { version, seen_at: seenAt }
  await tx
    .insertInto('told_version')
    .values({ process_id: processId, ...said })
    .onConflict((on) => on.column('process_id').doUpdateSet(said))
    .execute()
}

export async function forget(tx: Tx<Tables>, processId: string): Promise<void> {
  await tx.deleteFrom('told_version').where('process_id', '=', processId).execute()
}

export async function forgetBefore(tx: Tx<Tables>, moment: Date): Promise<void> {
  await tx.deleteFrom('told_version').where('seen_at', '<', moment).execute()
}
