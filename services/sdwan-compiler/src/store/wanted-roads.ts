import { sql } from 'kysely'
import type { Taken } from '../overlap.ts'
import type { SdwanTx } from './tables.ts'

/** A road that our operators want, with what it is made of. */
export type WantedRoad = {
  readonly peerId: string
  readonly networkId: string
  readonly networkCidr: string
  readonly advertise: readonly string[]
  readonly accept: readonly string[]
  readonly maxPrefixes: number
  readonly gateways: readonly WantedEnd[]
}

export type WantedEnd = {
  readonly memberId: string
  readonly nodeId: string
  readonly address: string
  /** Host of its endpoint, IPv6 first; null: it calls, and cannot be called. */
  readonly endpointHost: string | null
}

/** Those that are switched on, through networks that are compiled; the earliest first. */
export async function wanted(tx: SdwanTx): Promise<readonly WantedRoad[]> {
  const { rows } = await sql<WantedRoad>`
    select access.peer_id as "peerId", access.network_id as "networkId", network.cidr::text as "networkCidr",
      access.advertise::text[] as advertise, access.accept::text[] as accept, access.max_prefixes as "maxPrefixes",
      (select coalesce(jsonb_agg(jsonb_build_object('memberId', member.id, 'nodeId', member.node_id,
          'address', host(member.address), 'endpointHost', coalesce(member.endpoint_v6, member.endpoint_v4))
          order by chosen.place), '[]')
        from unnest(access.gateways) with ordinality as chosen (id, place) join member on member.id = chosen.id) as gateways
    from prefix_access as access join network on network.id = access.network_id
    where not access.disabled and network.status in ('registered', 'active')
    order by access.id`.execute(tx)
  return rows
}

/** Whether our operators speak of any peer. */
export async function anyWanted(tx: SdwanTx): Promise<boolean> {
  const { rows } = await sql`select 1 from prefix_access limit 1`.execute(tx)
  return rows.length > 0
}

/** The AS number that our operators chose, if they did. */
export async function chosenAsNumber(tx: SdwanTx): Promise<number | undefined> {
  const { rows } = await sql<{ as_number: number }>`select as_number from account_bgp`.execute(tx)
  return rows[0]?.as_number
}

/** Everything of ours that a peer's prefix must not touch: our own space, and what else of IPv6 we route. */
export async function taken(tx: SdwanTx): Promise<readonly Taken[]> {
  const { rows } = await sql<Taken>`
    select prefix::text, 'install' as by from install
    union all select cidr::text, 'network:' || id from network
    union all select pod_subnet::text, 'network:' || id from network where family(pod_subnet) = 6
    union all select lan::text, 'member:' || member.id from member, unnest(lan_subnets) as lan where family(lan) = 6
    union all select cidr::text, 'virtual_ip:' || id from virtual_ip where family(cidr) = 6`.execute(tx)
  return rows
}

/** Ports of WireGuard that members of these nodes listen on. */
export async function takenPorts(
  tx: SdwanTx,
  nodeIds: readonly string[],
): Promise<readonly { nodeId: string; port: number }[]> {
  const { rows } = await sql<{ nodeId: string; port: number }>`
    select node_id as "nodeId", listen_port as port from member where node_id = any(${nodeIds}::uuid[])`.execute(tx)
  return rows
}

/** Switches off what names a peer that is away, and remembers that it was us. Returns the names of the rules. */
export async function disableRulesOf(
  tx: SdwanTx,
  now: Date,
  { peerId, reason, by }: { readonly peerId: string; readonly reason: string; readonly by: string },
): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    with off as (
      update firewall_rule set disabled = true, version = version + 1, updated_at = ${now}, updated_by = ${by}
      where not disabled and ((src_kind = 'federation_peer' and src_value = ${peerId})
        or (dst_kind = 'federation_peer' and dst_value = ${peerId}))
      returning id, name
    ), noted as (
      insert into disabled_rule (rule_id, peer_id, reason, disabled_at)
      select id, ${peerId}::uuid, ${reason}, ${now} from off
      on conflict (rule_id) do update
        set peer_id = excluded.peer_id, reason = excluded.reason, disabled_at = excluded.disabled_at
    )
    select name from off order by name`.execute(tx)
  return rows.map(({ name }) => name)
}

/** Switches on again what we switched off for this peer; what operators touched since is left as they left it. */
export async function enableRulesOf(
  tx: SdwanTx,
  now: Date,
  { peerId, by }: { readonly peerId: string; readonly by: string },
): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    with ours as (delete from disabled_rule where peer_id = ${peerId} returning rule_id, disabled_at)
    update firewall_rule set disabled = false, version = version + 1, updated_at = ${now}, updated_by = ${by}
    from ours where id = ours.rule_id and disabled and updated_at = ours.disabled_at
    returning name`.execute(tx)
  return rows.map(({ name }) => name).toSorted()
}
