import type { PrefixAccess } from '@powernode/proto/powernode/sdwan/v1/crossing_pb.ts'
import type { AccountBgp, RouteLeak, RoutePolicy, RouteStatement } from '@powernode/proto/powernode/sdwan/v1/routing_pb.ts' // prettier-ignore
import type { RouteStatement as Statement } from '../../world.ts'
import { familyOf, shown, type Reading } from '../reading.ts'
import type { Fields } from '../records.ts'

const NUMBER = { from: 0, to: 4_294_967_295 }

export function readPolicy(said: RoutePolicy, read: Reading): Fields['route_policy'] {
  const scope = read.word('scope', said.scope, ['account', 'network', 'member'])
  const scopeId = read.optional('scope_id', said.scopeId, 'id')
  if ((scope === 'account') !== (scopeId === null))
    read.object('scope_id', scope === 'account' ? 'is empty with scope account' : `names the ${scope}`)
  return {
    name: read.text('name', said.name, 'name'),
    scope,
    scopeNetworkId: scope === 'network' ? scopeId : null,
    scopeMemberId: scope === 'member' ? scopeId : null,
    direction: read.word('direction', said.direction, ['import', 'export']),
    disabled: said.disabled,
    statements: said.statements.map((statement, at) => readStatement(statement, read.in(`statements[${at}]`))),
  }
}

function readStatement(said: RouteStatement, read: Reading): Statement {
  const action = read.word('action', said.action, ['accept', 'reject'])
  const sets =
    said.setLocalPref !== undefined || said.setMed !== undefined || said.prependAsPath > 0 || said.addCommunity
  if (action === 'reject' && sets) read.object('action', 'a route that is rejected is not changed')
  return {
    prefixIn: said.prefixIn.map(({ prefix, ge, le }, at) => readMatch({ prefix, ge, le }, read.in(`prefix_in[${at}]`))),
    asPathRegex: said.asPathRegex === '' ? undefined : readAsPath(said.asPathRegex, read),
    communityIn: said.communityIn.map((one) => readCommunity('community_in', one, read)),
    tagIn: said.tagIn.map((tag) => read.number('tag_in', tag, { from: 1, to: 4_294_967_295 })),
    neighborIn: read.ids('neighbor_in', said.neighborIn),
    action,
    setLocalPref:
      said.setLocalPref === undefined ? undefined : read.number('set_local_pref', said.setLocalPref, NUMBER),
    setMed: said.setMed === undefined ? undefined : read.number('set_med', said.setMed, NUMBER),
    prependAsPath: read.number('prepend_as_path', said.prependAsPath, { from: 0, to: 10 }),
    addCommunity: said.addCommunity === '' ? undefined : readCommunity('add_community', said.addCommunity, read),
  }
}

/** A prefix-list takes `length < ge <= le <= 32 or 128`, or says `invalid prefix range`. */
function readMatch(said: { prefix: string; ge: number; le: number }, read: Reading): Statement['prefixIn'][number] {
  const prefix = read.prefix('prefix', said.prefix)
  const [length, longest] = [Number(prefix.split('/')[1]), familyOf(prefix) === 'ip4' ? 32 : 128]
  if (said.ge !== 0) read.number('ge', said.ge, { from: length + 1, to: longest })
  if (said.le !== 0) read.number('le', said.le, { from: Math.max(length + 1, said.ge), to: longest })
  return { prefix, ge: said.ge || undefined, le: said.le || undefined }
}

/** Of the alphabet, and an expression: what FRR cannot read would reject nothing. */
function readAsPath(said: string, read: Reading): string {
  const regex = read.text('as_path_regex', said, 'asPath')
  try {
    RegExp(regex.replaceAll('_', ' '))
  } catch {
    read.object('as_path_regex', `${shown(said)} is no expression`)
  }
  return regex
}

function readCommunity(field: string, said: string, read: Reading): string {
  const [, high = '', low = ''] = /^(0|[1-9]\d{0,4}):(0|[1-9]\d{0,4})$/.exec(said) ?? []
  if (high === '' || Number(high) > 65_535 || Number(low) > 65_535)
    read.object(field, `${shown(said)} is no community: two numbers of 0 to 65535, without zeros in front`)
  return said
}

export function readLeak(said: RouteLeak, read: Reading): Fields['route_leak'] {
  const source = read.text('source_network_id', said.sourceNetworkId, 'id')
  const dest = read.text('dest_network_id', said.destNetworkId, 'id')
  if (source === dest) read.object('dest_network_id', 'a network leaks into another one')
  return {
    sourceNetworkId: source,
    destNetworkId: dest,
    direction: read.word('direction', said.direction, ['one_way', 'bidirectional']),
    state: read.word('state', said.state, ['proposed', 'active', 'revoked']),
    filter: said.prefixFilter.map(({ cidr, action }, at) => ({
      cidr: read.in(`prefix_filter[${at}]`).prefix('cidr', cidr),
      action: read.in(`prefix_filter[${at}]`).word('action', action, ['permit', 'deny']),
    })),
  }
}

/** The AS number is derived when it is not said. */
export type SaidBgp = Omit<Fields['account_bgp'], 'asNumber'> & { readonly asNumber: number | null }

export const readBgp = (said: AccountBgp, read: Reading): SaidBgp => ({
  asNumber:
    said.asNumber === 0 ? null : read.number('as_number', said.asNumber, { from: 4_200_000_000, to: 4_294_967_294 }),
  routerIdStrategy: read.word('router_id_strategy', said.routerIdStrategy, ['member_address_hash', 'explicit']),
  defaultLocalPref: read.number('default_local_pref', said.defaultLocalPref, { ...NUMBER, otherwise: 100 }),
  defaultRoutePolicyId: read.optional('default_route_policy_id', said.defaultRoutePolicyId, 'id'),
  disabled: said.disabled,
})

export const readAccess = (said: PrefixAccess, read: Reading): Fields['prefix_access'] => ({
  peerId: read.text('peer_id', said.peerId, 'id'),
  networkId: read.text('network_id', said.networkId, 'id'),
  gateways: read.ids('gateway_member_ids', said.gatewayMemberIds),
  advertise: read.prefixes('advertise', said.advertise, 'ip6').map((prefix) => ula('advertise', prefix, read)),
  accept: read.prefixes('accept', said.accept, 'ip6').map((prefix) => ula('accept', prefix, read)),
  maxPrefixes: read.number('max_prefixes', said.maxPrefixes, { from: 1, to: 10_000, otherwise: 32 }),
  disabled: said.disabled,
})

/** Platforms meet in unique local addresses (RFC 4193) and nowhere else: nobody is handed a way to the Internet. */
function ula(field: string, prefix: string, read: Reading): string {
  if (!prefix.startsWith('fd') || Number(prefix.split('/')[1]) < 32)
    read.object(field, `${prefix} is no unique local prefix (fd…, /32 or longer)`)
  return prefix
}
