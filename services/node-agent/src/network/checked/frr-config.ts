import { INTERFACE, isPrefix, VRF } from './patterns.ts'

/**
 * Lines that a configuration of ours may hold, each from its first letter to its last. FRR's own language reaches further:
 * `do` runs commands of vtysh, `log file` writes files, `interface` and most of `ip route` touch what is not ours.
 */
const ADDRESS = '[0-9a-f:.]{2,45}'
const PREFIX = `${ADDRESS}/[0-9]{1,3}`
const WORD = '[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}'
const NUMBER = '[0-9]{1,10}'
const COMMUNITY = '[0-9]{1,10}:[0-9]{1,10}'
const LARGE = '[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}'
const REGEX = '[0-9_^$.*+?()\\[\\]| -]{1,200}'
const WELL_KNOWN = 'no-export|no-advertise|local-AS|internet|graceful-shutdown'

const LINES: readonly RegExp[] = [
  `frr (version [0-9.]{1,16}|defaults (traditional|datacenter))`,
  `hostname ${WORD}`,
  'service integrated-vtysh-config',
  'log syslog( informational| warnings| notifications| errors)?',
  '(no )?(ip|ipv6) forwarding',
  'vrf VRF',
  `vni ${NUMBER}`,
  'exit(-vrf|-address-family)?',
  'end',
  'line vty',
  `(ip|ipv6) prefix-list ${WORD} (seq ${NUMBER} )?(permit|deny) (any|${PREFIX}( ge ${NUMBER})?( le ${NUMBER})?)`,
  `(ip|ipv6) access-list ${WORD} (seq ${NUMBER} )?(permit|deny) (any|${PREFIX}( exact-match)?)`,
  `bgp as-path access-list ${WORD} (seq ${NUMBER} )?(permit|deny) ${REGEX}`,
  `bgp community-list (standard |expanded )?${WORD} (seq ${NUMBER} )?(permit|deny) (${COMMUNITY}|${WELL_KNOWN}|${REGEX})( ${COMMUNITY})*`,
  `bgp large-community-list standard ${WORD} (seq ${NUMBER} )?(permit|deny) ${LARGE}( ${LARGE})*`,
  `route-map ${WORD} (permit|deny) ${NUMBER}`,
  `match (ip|ipv6) (address|next-hop) (prefix-list )?${WORD}`,
  `match (as-path|community|large-community) ${WORD}( exact-match)?`,
  `match (peer|source-vrf|tag|metric|local-preference|origin|source-protocol) ${WORD}`,
  `match peer ${ADDRESS}`,
  `set (local-preference|metric|weight|tag) ${NUMBER}`,
  `set as-path prepend [0-9 ]{1,200}`,
  `set comm-list ${WORD} delete`,
  `set community (none|(${COMMUNITY}|${WELL_KNOWN})( ${COMMUNITY})*( additive)?)`,
  `set large-community (none|${LARGE}( ${LARGE})*( additive)?)`,
  `set (ip next-hop|ipv6 next-hop (global|local)) ${ADDRESS}`,
  'set ipv6 next-hop (prefer-global|peer-address)',
  'set extcommunity none',
  `call ${WORD}`,
  `on-match (next|goto ${NUMBER})`,
  `continue( ${NUMBER})?`,
  `description [A-Za-z0-9 _.:/-]{1,200}`,
  `router bgp ${NUMBER}( vrf (VRF|default))?`,
  `bgp router-id ${ADDRESS}`,
  `bgp cluster-id ${ADDRESS}`,
  `(no )?bgp (default (ipv4-unicast|ipv6-unicast|local-preference ${NUMBER})|ebgp-requires-policy|network import-check|disable-ebgp-connected-route-check|graceful-restart( [a-z-]+( ${NUMBER})?)?|enforce-first-as|log-neighbor-changes|deterministic-med|bestpath [a-z -]{1,60}|route-map delay-timer [1-9][0-9]{0,2}|suppress-duplicates|reject-as-sets|always-compare-med|fast-external-failover|minimum-holdtime ${NUMBER})`,
  `(no )?(coalesce-time|bgp coalesce-time) ${NUMBER}`,
  `timers bgp ${NUMBER} ${NUMBER}`,
  `(no )?neighbor (${ADDRESS}|${WORD}) NEIGHBOR`,
  `address-family ipv[46] unicast`,
  `network ${PREFIX}( route-map ${WORD})?`,
  `maximum-paths( ibgp)? ${NUMBER}`,
  `redistribute (connected|kernel) route-map ${WORD}`,
  'ipv6 nht resolve-via-default',
  'ip nht resolve-via-default',
].map((line) => new RegExp(`^${line.replace('NEIGHBOR', neighborWords()).replaceAll(' WORD', ` ${WORD}`).replaceAll('VRF', VRF.source.slice(1, -1))}$`)) // prettier-ignore

function neighborWords(): string {
  return `(${[
    'peer-group',
    `remote-as (${NUMBER}|internal|external)`,
    `peer-group ${WORD}`,
    'description [A-Za-z0-9 _.:/-]{1,200}',
    `update-source ${ADDRESS}`,
    `(ebgp-multihop|advertisement-interval|weight|local-role) ?${WORD}?`,
    `ttl-security hops ${NUMBER}`,
    `timers (${NUMBER} ${NUMBER}|connect ${NUMBER}|delayopen ${NUMBER})`,
    `maximum-prefix ${NUMBER}( ${NUMBER})?( warning-only| restart ${NUMBER})?`,
    'activate|route-reflector-client|passive|disable-connected-check|next-hop-self( force)?|soft-reconfiguration inbound',
    'enforce-first-as|as-override|remove-private-AS( all)?( replace-AS)?|graceful-restart(-helper|-disable)?|capability (dynamic|extended-nexthop)',
    'send-community( both| all| standard| extended| large)?|attribute-unchanged[a-z -]*|shutdown|solo',
    `(route-map|prefix-list|filter-list) ${WORD} (in|out)`,
    `allowas-in( ${NUMBER}| origin)?`,
  ].join('|')})`
}

const MOST_BYTES = 64 * 2 ** 20

/** From one table of ours into another, by an interface there or by the table's own device, or into none; after what BGP brings. */
const ROAD = /^(?:ip|ipv6) route (\S{1,49}) (?:(reject) 220|(\S{1,15}) 220 nexthop-vrf (\S{1,15}))$/

type Here = { readonly vrfs: readonly string[]; readonly interfaces: readonly string[] }

/** Throws at the first line of a configuration that is none of ours, or that names a VRF or an interface that this node does not have. */
export function checkFrrConfig(text: string, here: Here): void {
  if (text.length > MOST_BYTES) throw new Error('the FRR configuration is larger than any of ours')
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || /^![\x20-\x7e]*$/.test(line)) continue
    if (!isRoad(line, here) && !LINES.some((known) => known.test(line))) {
      throw new Error(`the FRR configuration has a line that is not ours: ${JSON.stringify(line.slice(0, 80))}`)
    }
    const [, named] = / vrf (vr-\S+)/.exec(` ${line}`) ?? []
    if (named !== undefined && !here.vrfs.includes(named)) throw new Error(`the FRR configuration names a VRF that is not there: ${named}`) // prettier-ignore
  }
}

function isRoad(line: string, { vrfs, interfaces }: Here): boolean {
  const [, prefix = '', end, device = '', table = ''] = ROAD.exec(line) ?? []
  if (end !== undefined) return isPrefix(prefix)
  const isOurs = INTERFACE.test(device) ? interfaces.includes(device) : device === table && VRF.test(device)
  return isPrefix(prefix) && isOurs && (table === 'default' || vrfs.includes(table))
}
