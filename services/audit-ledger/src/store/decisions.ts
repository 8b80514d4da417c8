import { sql } from 'kysely'
import type { Decision } from '../decision.ts'
import type { DecisionRow, LedgerTx } from './tables.ts'

/** Which decisions: empty strings mean any. `before`: those older than the last one of the page before. */
export type Filter = {
  readonly peerId: string
  readonly direction: string
  readonly refusedOnly: boolean
  readonly since: Date
  readonly until: Date | undefined
  readonly before: { readonly at: Date; readonly id: string } | undefined
}

/** Every column with its type and the field it holds; one list for writing and reading, so that they cannot differ. */
const COLUMNS = [
  ['id', 'uuid', 'id'],
  ['peer_id', 'text', 'peerId'],
  ['direction', 'text', 'direction'],
  ['at', 'timestamptz', 'at'],
  ['allowed', 'boolean', 'allowed'],
  ['reason', 'text', 'reason'],
  ['axis', 'text', 'axis'],
  ['detail', 'text', 'detail'],
  ['rpc', 'text', 'rpc'],
  ['resource_kind', 'text', 'resourceKind'],
  ['resource_id', 'text', 'resourceId'],
  ['scope', 'text', 'scope'],
  ['node_instance_id', 'text', 'nodeInstanceId'],
  ['sdwan_network_id', 'text', 'sdwanNetworkId'],
  ['source_address', 'text', 'sourceAddress'],
  ['grant_id', 'text', 'grantId'],
  ['data_class', 'text', 'dataClass'],
  ['resource_region', 'text', 'resourceRegion'],
  ['destination_region', 'text', 'destinationRegion'],
  ['residency_mode', 'text', 'residencyMode'],
  ['residency_rule_id', 'text', 'residencyRuleId'],
  ['advised', 'boolean', 'advised'],
  ['override_id', 'text', 'overrideId'],
  ['request_id', 'text', 'requestId'],
  ['traceparent', 'text', 'traceparent'],
  ['policy_epoch', 'bigint', 'policyEpoch'],
  ['remote_decision_id', 'uuid', 'remoteDecisionId'],
] as const satisfies readonly (readonly [keyof DecisionRow, string, keyof Decision])[]

const NAMES = sql.join(COLUMNS.map(([column]) => sql.ref(column)))
const SELECTED = sql.join(COLUMNS.map(([column, , field]) => sql`${sql.ref(column)} as ${sql.ref(field)}`))

/**
 * Writes a batch in one statement. One that is there already stays: a gateway repeats what it got no answer to.
 *
 * What all of them have alike is said once: of the two dozen fields of a decision most are, in any one batch.
 */
export async function add(tx: LedgerTx, decisions: readonly Decision[]): Promise<void> {
  const said = COLUMNS.map(([, type, field]) => {
    const values = decisions.map((decision) => decision[field])
    const [first] = values
    if (field !== 'id' && values.every((value) => value === first)) return sql`${first}::${sql.raw(type)}`
    return sql`unnest(${values}::${sql.raw(type)}[])`
  })
  await sql`
    insert into decision (${NAMES})
    select ${sql.join(said)}
    on conflict (id) do nothing`.execute(tx)
}

/** The decision of this id: ours, or the one the other side gave to the same call. */
export async function find(tx: LedgerTx, id: string): Promise<Decision | undefined> {
  const { rows } = await sql<Decision>`
    select ${SELECTED} from decision where id = ${id}
    union all
    select ${SELECTED} from decision where remote_decision_id = ${id} and id <> ${id}
    limit 1`.execute(tx)
  return rows[0]
}

/** The newest first. Keyset paging over (at, id), so that what comes in meanwhile moves no page. */
export async function list(tx: LedgerTx, filter: Filter, limit: number): Promise<readonly Decision[]> {
  const { peerId, direction, refusedOnly, since, until, before } = filter
  const conditions = [
    sql<boolean>`at >= ${since}`,
    ...(until ? [sql<boolean>`at < ${until}`] : []),
    ...(peerId ? [sql<boolean>`peer_id = ${peerId}`] : []),
    ...(direction ? [sql<boolean>`direction = ${direction}`] : []),
    ...(refusedOnly ? [sql<boolean>`not allowed`] : []),
    ...(before ? [sql<boolean>`(at, id) < (${before.at}, ${before.id})`] : []),
  ]
  const { rows } = await sql<Decision>`
    select ${SELECTED} from decision
    where ${sql.join(conditions, sql` and `)}
    order by at desc, id desc
    limit ${limit}`.execute(tx)
  return rows
}

/** Drops a batch of what is older than a moment; returns how many went. */
export async function drop(tx: LedgerTx, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from decision where id in (select id from decision where at < ${before} order by at limit ${limit})`.execute(
    tx,
  )
  return Number(numAffectedRows ?? 0n)
}
