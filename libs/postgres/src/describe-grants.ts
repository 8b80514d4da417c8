import { sql, type QueryExecutorProvider } from 'kysely'

/** What somebody who is not the owner may do with one thing, as the statement that allows it. */
export type Grant = {
  readonly kind: 'schema' | 'table' | 'sequence' | 'function'
  readonly name: string
  readonly text: string
}

/**
 * Every grant in a schema to anybody but the owner, those to columns and to PUBLIC included.
 *
 * Where nothing was ever granted Postgres stores no list, and its defaults count: for functions that is PUBLIC.
 */
export async function grants(tx: QueryExecutorProvider, schema: string): Promise<readonly Grant[]> {
  const { rows } = await sql<Grant>`
    with thing as (
      select 'schema' as kind, quote_ident(nspname) as name, '' as part, nspowner as owner,
        coalesce(nspacl, acldefault('n', nspowner)) as acl
      from pg_namespace where oid = ${schema}::regnamespace
      union all
      select case relkind when 'S' then 'sequence' else 'table' end, quote_ident(relname), '', relowner,
        coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r'::"char" end, relowner))
      from pg_class where relnamespace = ${schema}::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select 'table', quote_ident(c.relname), ' (' || quote_ident(a.attname) || ')', c.relowner, a.attacl
      from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = ${schema}::regnamespace and a.attnum > 0 and not a.attisdropped and a.attacl is not null
      union all
      select 'function', oid::regprocedure::text, '', proowner, coalesce(proacl, acldefault('f', proowner))
      from pg_proc where pronamespace = ${schema}::regnamespace and prokind in ('f', 'p')
    ), granted as (
      select kind, name, part,
        case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee,
        lower(privilege_type) as privilege, is_grantable
      from thing, aclexplode(acl) where grantee <> owner
    )
    select kind, name,
      'grant ' || string_agg(privilege || part, ', ' order by privilege, part) || ' on '
        || case kind when 'table' then '' else kind || ' ' end || name || ' to ' || grantee
        || case when is_grantable then ' with grant option' else '' end || ';' as text
    from granted group by kind, name, grantee, is_grantable
    order by kind, name, grantee, is_grantable`.execute(tx)
  return rows
}
