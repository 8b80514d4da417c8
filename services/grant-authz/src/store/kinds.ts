import { NOBODY, type Kind, type KnownKind, type Server } from '../kind.ts'
import type { GrantTx } from './tables.ts'

const COLUMNS = [
  'kind',
  'extension',
  'dependencies',
  'duplicable',
  'migratable',
  'sensitive_fields',
  'data_class',
  'region',
  'writable',
  'service',
  'address',
  'lease_until',
] as const

/**
 * Locks the kinds until the transaction ends, and says where the catalogue answers. MUST come before anything is decided
 * about who serves a kind.
 */
export async function lock(tx: GrantTx): Promise<string> {
  return (await tx.selectFrom('catalogue').select('address').forUpdate().executeTakeFirstOrThrow()).address
}

/** Where the catalogue answers for its own kinds. */
export async function ownAddress(tx: GrantTx): Promise<string> {
  return (await tx.selectFrom('catalogue').select('address').executeTakeFirstOrThrow()).address
}

export async function saveOwnAddress(tx: GrantTx, address: string): Promise<void> {
  await tx.updateTable('catalogue').set({ address }).where('address', '<>', address).execute()
}

/** Every declared kind, by name. */
export async function all(tx: GrantTx): Promise<KnownKind[]> {
  const rows = await tx
    .selectFrom('resource_kind')
    .select(COLUMNS)
    .where('declared', '=', true)
    .orderBy('kind')
    .execute()
  return rows.map(toKind)
}

/** A declared kind, compared byte by byte. */
export async function find(tx: GrantTx, kind: string): Promise<KnownKind | undefined> {
  const query = tx.selectFrom('resource_kind').select(COLUMNS).where('declared', '=', true).where('kind', '=', kind)
  const row = await query.executeTakeFirst()
  return row && toKind(row)
}

/** Writes a kind as the inventory has it. Who serves it stays, but for a kind that is new, or there again. */
export async function declare(tx: GrantTx, kind: Kind, server: Server): Promise<void> {
  const row = {
    extension: kind.extension,
    dependencies: kind.dependencies,
    duplicable: kind.duplicable,
    migratable: kind.migratable,
    sensitive_fields: kind.sensitiveFields,
    data_class: kind.dataClass,
    region: kind.region ?? null,
    writable: kind.writable,
    declared: true,
    ...serverRow(server),
  }
  await tx
    .insertInto('resource_kind')
    .values({ kind: kind.kind, ...row })
    .onConflict((on) => on.column('kind').doUpdateSet(row))
    .execute()
}

/** The inventory no longer has a kind: nobody is shown it, and its records wait. */
export async function withdraw(tx: GrantTx, kind: string): Promise<void> {
  const row = { declared: false, ...serverRow(NOBODY) }
  await tx.updateTable('resource_kind').set(row).where('kind', '=', kind).execute()
}

/** Writes who serves a kind. */
export async function saveServer(tx: GrantTx, kind: string, server: Server): Promise<void> {
  await tx.updateTable('resource_kind').set(serverRow(server)).where('kind', '=', kind).execute()
}

/** Kinds whose server has let its lease run out are served by nobody. Returns which. */
export async function endLeases(tx: GrantTx, now: Date): Promise<string[]> {
  const ended = await tx
    .updateTable('resource_kind')
    .set(serverRow(NOBODY))
    .where('lease_until', '<=', now)
    .returning('kind')
    .execute()
  return ended.map(({ kind }) => kind)
}

/** When the next lease runs out; undefined: none is running. */
export async function nextEnd(tx: GrantTx): Promise<Date | undefined> {
  const query = tx.selectFrom('resource_kind').select('lease_until').where('lease_until', 'is not', null)
  return (await query.orderBy('lease_until').limit(1).executeTakeFirst())?.lease_until ?? undefined
}

function serverRow({ service, address, leaseUntil }: Server) {
  return { service, address, lease_until: leaseUntil ?? null }
}

type Selected = {
  readonly kind: string
  readonly extension: string
  readonly dependencies: readonly string[]
  readonly duplicable: boolean
  readonly migratable: boolean
  readonly sensitive_fields: readonly string[]
  readonly data_class: string
  readonly region: string | null
  readonly writable: boolean
  readonly service: string
  readonly address: string
  readonly lease_until: Date | null
}

function toKind(row: Selected): KnownKind {
  return {
    kind: row.kind,
    extension: row.extension,
    dependencies: row.dependencies,
    duplicable: row.duplicable,
    migratable: row.migratable,
    sensitiveFields: row.sensitive_fields,
    dataClass: row.data_class,
    region: row.region ?? undefined,
    writable: row.writable,
    server: { service: row.service, address: row.address, leaseUntil: row.lease_until ?? undefined },
  }
}
