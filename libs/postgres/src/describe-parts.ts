import { sql, type QueryExecutorProvider } from 'kysely'
import type { Relation } from './describe-table.ts'

/** One thing of a schema, as the SQL that makes it; with its table when it belongs to one. */
export type Definition = { readonly name: string; readonly table?: string; readonly text: string }

/** Tables, partitions and views, with their columns. */
export async function relations(tx: QueryExecutorProvider, schema: string): Promise<readonly Relation[]> {
  const { rows } = await sql<Relation>`
    select quote_ident(c.relname) as name,
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end as kind,
      case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as view,
      pg_get_partkeydef(c.oid) as partition_by,
      (select i.inhparent::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid)
         from pg_inherits i where i.inhrelid = c.oid and c.relispartition) as partition_of,
      (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o) as options,
      c.relrowsecurity as row_security, c.relforcerowsecurity as row_security_forced,
      (select json_agg(json_build_object(
          'name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
          'default', pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity, 'generated', a.attgenerated,
          'collation', case when a.attcollation not in (0, t.typcollation) then a.attcollation::regcollation::text end)
          order by a.attnum)
        from pg_attribute a join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from pg_class c
    where c.relnamespace = ${schema}::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
    order by c.relname`.execute(tx)
  return rows
}

/** Keys, checks and references. "Not null" stands with the column: since Postgres 18 it is a constraint as well. */
export async function constraints(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select quote_ident(c.conname) as name, quote_ident(r.relname) as table,
      'constraint ' || quote_ident(c.conname) || ' ' || pg_get_constraintdef(c.oid) as text
    from pg_constraint c join pg_class r on r.oid = c.conrelid
    where r.relnamespace = ${schema}::regnamespace and c.contype in ('p', 'u', 'f', 'c', 'x')
    order by r.relname, position(c.contype::text in 'pufcx'), c.conname`,
  )
}

/** The indexes that no key makes. */
export async function indexes(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select quote_ident(c.relname) as name, quote_ident(r.relname) as table, pg_get_indexdef(c.oid) || ';' as text
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class r on r.oid = i.indrelid
    where c.relnamespace = ${schema}::regnamespace
      and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))
    order by r.relname, c.relname`,
  )
}

/** Triggers, and policies of row level security: what happens, or is refused, on the way to a row. */
export async function triggers(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select quote_ident(t.tgname) as name, quote_ident(r.relname) as table,
      pg_get_triggerdef(t.oid) || ';' || case t.tgenabled when 'O' then '' else ' -- enabled: ' || t.tgenabled::text end as text
    from pg_trigger t join pg_class r on r.oid = t.tgrelid
    where r.relnamespace = ${schema}::regnamespace and not t.tgisinternal
    union all
    select quote_ident(policyname), quote_ident(tablename),
      format('create policy %I on %I as %s for %s to %s', policyname, tablename, permissive, cmd, array_to_string(roles, ', '))
        || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '') || ';'
    from pg_policies where schemaname = ${schema}
    order by 2, 1`,
  )
}

/** Functions and procedures. */
export async function functions(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select p.oid::regprocedure::text as name, rtrim(pg_get_functiondef(p.oid), E'\n') || ';' as text
    from pg_proc p where p.pronamespace = ${schema}::regnamespace and p.prokind in ('f', 'p')
    order by p.oid::regprocedure::text`,
  )
}

/** Sequences that are not the inside of an identity column. */
export async function sequences(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select quote_ident(c.relname) as name,
      format('create sequence %I as %s start %s increment %s minvalue %s maxvalue %s cache %s%s;', c.relname,
        format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
        case when s.seqcycle then ' cycle' else '' end) as text
    from pg_sequence s join pg_class c on c.oid = s.seqrelid
    where c.relnamespace = ${schema}::regnamespace
      and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'i')
    order by c.relname`,
  )
}

/** Enumerations and domains. */
export async function types(tx: QueryExecutorProvider, schema: string): Promise<readonly Definition[]> {
  return definitions(
    tx,
    sql<Definition>`
    select quote_ident(t.typname) as name,
      case t.typtype
        when 'e' then format('create type %I as enum (%s);', t.typname,
          (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
        else format('create domain %I as %s%s%s%s;', t.typname, format_type(t.typbasetype, t.typtypmod),
          case when t.typnotnull then ' not null' else '' end, coalesce(' default ' || t.typdefault, ''),
          (select string_agg(format(' constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), '' order by k.conname)
            from pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
      end as text
    from pg_type t where t.typnamespace = ${schema}::regnamespace and t.typtype in ('e', 'd')
    order by t.typname`,
  )
}

async function definitions(
  tx: QueryExecutorProvider,
  query: ReturnType<typeof sql<Definition>>,
): Promise<readonly Definition[]> {
  return (await query.execute(tx)).rows
}
