import { sql } from 'kysely'
import type { GrantTx } from './tables.ts'

/**
 * A grant as far as deciding goes, in values that cost nothing to read: a million of them are told to a gateway that
 * starts. A list is '' (empty), '*' (any) or JSON; moments are milliseconds.
 */
export type GrantToTell = {
  readonly id: string
  readonly epoch: number
  readonly archived: boolean
  readonly peer_id: string
  readonly secret_sha256: Buffer
  readonly resource_kind: string
  readonly resource_id: string
  readonly scopes: number
  readonly instances: string
  readonly networks: string
  readonly cidrs: string
  readonly identities: string
  readonly not_before_ms: number
  readonly expires_at_ms: number
  readonly revoked_at_ms: number
}

const listOf = (column: string) => sql`
  case ${sql.ref(column)} when '{}' then '' when '{*}' then '*' else array_to_json(${sql.ref(column)})::text end`

/** As a double from the start: extract() would calculate with numbers of any size, which takes three times as long. */
const msOf = (column: string) => sql`floor(date_part('epoch', ${sql.ref(column)}) * 1000 + 0.001)`

const bitOf = (scope: string, bit: number) =>
  sql`case when ${sql.lit(scope)} = any (scopes) then ${sql.lit(bit)} else 0 end`

const GRANT_TO_TELL = sql`
  id, epoch, archived_at is not null as archived, peer_id, secret_sha256, resource_kind, resource_id,
  ${bitOf('read', 1)} + ${bitOf('write', 2)} + ${bitOf('admin', 4)} + ${bitOf('migrate', 8)} as scopes,
  ${listOf('node_instance_ids')} as instances, ${listOf('sdwan_network_ids')} as networks,
  ${listOf('source_cidrs')} as cidrs, ${listOf('bound_identities')} as identities,
  ${msOf('issued_at')} as not_before_ms, ${msOf('expires_at')} as expires_at_ms,
  coalesce(${msOf('revoked_at')}, 0) as revoked_at_ms`

/** The next grants that gateways hold, by id. */
export async function grantsAfter(tx: GrantTx, last: string, limit: number): Promise<GrantToTell[]> {
  const { rows } = await sql<GrantToTell>`
    select ${GRANT_TO_TELL} from federation_grant
    where archived_at is null and id > ${last}::uuid order by id limit ${limit}`.execute(tx)
  return rows
}

/** The next grants that changed after an epoch, in the order of their change; archived ones too, to be forgotten. */
export async function grantsSince(
  tx: GrantTx,
  { epoch, last }: { epoch: number | bigint; last: string },
  limit: number,
): Promise<GrantToTell[]> {
  const { rows } = await sql<GrantToTell>`
    select ${GRANT_TO_TELL} from federation_grant
    where (epoch, id) > (${epoch}, ${last}::uuid) order by epoch, id limit ${limit}`.execute(tx)
  return rows
}

/** The grants of a peer, the newest first. */
export async function grantsOf(tx: GrantTx, peerId: string, limit: number): Promise<GrantToTell[]> {
  const { rows } = await sql<GrantToTell>`
    select ${GRANT_TO_TELL} from federation_grant
    where archived_at is null and peer_id = ${peerId}::uuid order by id desc limit ${limit}`.execute(tx)
  return rows
}

/** One grant of a peer, if it is one that gateways hold. */
export async function grantOf(tx: GrantTx, peerId: string, id: string): Promise<GrantToTell[]> {
  const { rows } = await sql<GrantToTell>`
    select ${GRANT_TO_TELL} from federation_grant
    where archived_at is null and peer_id = ${peerId}::uuid and id = ${id}::uuid`.execute(tx)
  return rows
}

export type BridgeToTell = {
  readonly id: string
  readonly epoch: number
  readonly peer_id: string
  readonly sdwan_network_id: string
  readonly state: string
}

/** The next bridges that are not revoked, by id; of one peer when it is named. */
export async function bridgesAfter(
  tx: GrantTx,
  { last, peerId }: { last: string; peerId?: string | undefined },
  limit: number,
): Promise<BridgeToTell[]> {
  return tx
    .selectFrom('network_bridge')
    .select(['id', 'epoch', 'peer_id', 'sdwan_network_id', 'state'])
    .where('state', '<>', 'revoked')
    .where('id', '>', last)
    .$if(peerId !== undefined, (query) => query.where('peer_id', '=', peerId ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** The next bridges that changed after an epoch, in the order of their change; revoked ones too, to be forgotten. */
export async function bridgesSince(
  tx: GrantTx,
  { epoch, last }: { epoch: number | bigint; last: string },
  limit: number,
): Promise<BridgeToTell[]> {
  const { rows } = await sql<BridgeToTell>`
    select id, epoch, peer_id, sdwan_network_id, state from network_bridge
    where (epoch, id) > (${epoch}, ${last}::uuid) order by epoch, id limit ${limit}`.execute(tx)
  return rows
}

/** Whether axes are strict, if that changed after an epoch; with epoch -1 in any case. */
export async function strictAxesSince(tx: GrantTx, epoch: number | bigint): Promise<boolean | undefined> {
  const { rows } = await sql<{ strict_axes: boolean }>`
    select strict_axes from grant_settings where epoch > ${epoch}`.execute(tx)
  return rows[0]?.strict_axes
}

/** How far the feed has come: whoever asks again for what is done already waits for no less. */
export async function head(tx: GrantTx, feed: string): Promise<bigint> {
  const { rows } = await sql<{ epoch: number | null }>`
    select max(epoch) as epoch from feed_epoch where feed = ${feed}`.execute(tx)
  return BigInt(rows[0]?.epoch ?? 0)
}
