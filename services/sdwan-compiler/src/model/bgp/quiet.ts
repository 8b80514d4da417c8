/** What says nothing about where packets go. Everything else MUST be understood. */
export const QUIET: readonly RegExp[] = [
  /^frr defaults traditional$/,
  /^hostname \S+$/,
  /^service integrated-vtysh-config$/,
  /^log syslog informational$/,
  /^ip(v6)? forwarding$/,
  /^bgp route-map delay-timer \d+$/,
  /^(exit|exit-vrf)$/,
  /^vrf \S+$/,
]
export const QUIET_ROUTER: readonly RegExp[] = [
  /^no bgp default ipv4-unicast$/,
  /^no bgp graceful-restart notification$/,
  /^bgp disable-ebgp-connected-route-check$/,
  /^bgp (graceful-restart|cluster-id|default local-preference)\b/,
  /^(timers bgp|coalesce-time) /,
  /^neighbor \S+ (description|timers|ebgp-multihop|capability|enforce-first-as)\b/,
]
export const QUIET_FAMILY: readonly RegExp[] = [
  /^neighbor \S+ (soft-reconfiguration inbound|send-community|allowas-in)\b/,
  /^no neighbor \S+ send-community\b/,
  /^maximum-paths (ibgp )?1$/,
]

export function isQuiet(line: string, quiet: readonly RegExp[]): boolean {
  return quiet.some((pattern) => pattern.test(line))
}
