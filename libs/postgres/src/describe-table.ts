/** A table or view with its columns, as the catalogs have it. */
export type Relation = {
  readonly name: string
  readonly kind: 'table' | 'view' | 'materialized view'
  readonly view: string | null
  readonly partition_by: string | null
  readonly partition_of: string | null
  readonly options: string | null
  readonly row_security: boolean
  readonly row_security_forced: boolean
  readonly columns: readonly Column[]
}

type Column = {
  readonly name: string
  readonly type: string
  readonly not_null: boolean
  readonly default: string | null
  readonly identity: '' | 'a' | 'd'
  readonly generated: '' | 's' | 'v'
  readonly collation: string | null
}

/** Writes a relation as the statement that would create it. */
export function tableDefinition(relation: Relation, constraints: readonly string[]): string {
  if (relation.view !== null) return `create ${relation.kind} ${relation.name} as\n${relation.view}`
  const inside = [...relation.columns.map(column), ...constraints].map((line) => `  ${line}`).join(',\n')
  const head = `create table ${relation.name}${relation.partition_of ? ` partition of ${relation.partition_of}` : ''}`
  const partitioned = relation.partition_by ? ` partition by ${relation.partition_by}` : ''
  const options = relation.options ? ` with (${relation.options})` : ''
  return [`${head} (\n${inside}\n)${partitioned}${options};`, ...rowSecurity(relation)].join('\n')
}

function rowSecurity({ name, row_security, row_security_forced }: Relation): readonly string[] {
  return [
    ...(row_security ? [`alter table ${name} enable row level security;`] : []),
    ...(row_security_forced ? [`alter table ${name} force row level security;`] : []),
  ]
}

function column({ name, type, collation, not_null, default: value, identity, generated }: Column): string {
  return [
    name,
    type,
    collation === null ? '' : `collate ${collation}`,
    not_null ? 'not null' : '',
    identity === '' ? '' : `generated ${identity === 'a' ? 'always' : 'by default'} as identity`,
    value === null ? '' : generated === '' ? `default ${value}` : `generated always as (${value}) ${STORED[generated]}`,
  ]
    .filter((word) => word !== '')
    .join(' ')
}

const STORED = { s: 'stored', v: 'virtual' } as const
