import type { Tx } from '@powernode/postgres'
import type { AuthorityStatus, SealedAuthority } from '../certificate.ts'
import { fromRow, toRow } from './rows.ts'
import type { Tables } from './tables.ts'

const AUTHORITY = [
  'generation', 'status', 'root_certificate', 'root_key_sealed', 'issuing_certificate', 'issuing_key_sealed', 'crl_number',
  'crls', 'crls_updated_at', 'created_at',
] as const // prettier-ignore

export async function insert(tx: Tx<Tables>, authority: SealedAuthority): Promise<void> {
  await tx.insertInto('authority').values(toRow(authority)).execute()
}

/** Every generation, newest first. */
export async function list(tx: Tx<Tables>): Promise<SealedAuthority[]> {
  const rows = await tx.selectFrom('authority').select(AUTHORITY).orderBy('generation', 'desc').execute()
  return rows.map((row) => fromRow<SealedAuthority>(row))
}

/** As list, locked: whoever changes what is trusted does so alone. */
export async function lock(tx: Tx<Tables>): Promise<SealedAuthority[]> {
  const rows = await tx.selectFrom('authority').select(AUTHORITY).orderBy('generation', 'desc').forUpdate().execute()
  return rows.map((row) => fromRow<SealedAuthority>(row))
}

/** Nobody changes what is trusted until this transaction ends; others may sign meanwhile. */
export async function lockOut(tx: Tx<Tables>): Promise<void> {
  await tx.selectFrom('authority').select('generation').orderBy('generation', 'desc').forKeyShare().execute()
}

export async function current(tx: Tx<Tables>): Promise<SealedAuthority> {
  const row = await tx
    .selectFrom('authority')
    .select(AUTHORITY)
    .where('status', '=', 'current')
    .executeTakeFirstOrThrow()
  return fromRow<SealedAuthority>(row)
}

export async function setStatus(tx: Tx<Tables>, generation: number, status: AuthorityStatus): Promise<void> {
  await tx.updateTable('authority').set({ status }).where('generation', '=', generation).executeTakeFirstOrThrow()
}

export async function saveCrls(tx: Tx<Tables>, authority: SealedAuthority): Promise<void> {
  const { crl_number, crls, crls_updated_at } = toRow(authority)
  await tx
    .updateTable('authority')
    .set({ crl_number, crls, crls_updated_at })
    .where('generation', '=', authority.generation)
    .executeTakeFirstOrThrow()
}

export async function saveIssuing(tx: Tx<Tables>, generation: number, certificate: Buffer): Promise<void> {
  await tx
    .updateTable('authority')
    .set({ issuing_certificate: certificate })
    .where('generation', '=', generation)
    .executeTakeFirstOrThrow()
}
