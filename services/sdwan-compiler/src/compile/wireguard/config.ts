import type { Member, Prefix } from '../../world.ts'

/** Seconds between signs of life towards those who can be called: keeps the way through NAT open (wireguard.com: 25). */
const KEEPALIVE_SECONDS = 25

export type PeerStanza = {
  readonly publicKey: string
  readonly allowed: readonly Prefix[] | string
  readonly endpoint: string | undefined
  readonly keepalive: boolean
}

/** What `wg syncconf` is given: the agent adds the private key and the preshared ones. */
export const interfaceHead = (listenPort: number): string => `[Interface]\nListenPort = ${listenPort}\n`

/** One peer, with an empty line before it. A peer that has nothing to carry is kept warm: it has no AllowedIPs. */
export function stanza({ publicKey, allowed, endpoint, keepalive }: PeerStanza): string {
  const prefixes = typeof allowed === 'string' ? allowed : allowed.join(', ')
  const text = `\n[Peer]\nPublicKey = ${publicKey}\n`
  const carries = prefixes === '' ? '' : `AllowedIPs = ${prefixes}\n`
  const at = endpoint === undefined ? '' : `Endpoint = ${endpoint}\n`
  // Said of everybody: what `wg syncconf` is not told of stays as it was.
  return `${text}${carries}${at}PersistentKeepalive = ${keepalive ? KEEPALIVE_SECONDS : 0}\n`
}

/** Where a member is called: over IPv6 if it can be, since that is never translated on the way. */
export function endpointOf(member: Member): string | undefined {
  if (!member.publiclyReachable) return undefined
  const { endpointV6, endpointV4, endpointPort } = member
  if (endpointV6 !== undefined) return `${endpointV6.includes(':') ? `[${endpointV6}]` : endpointV6}:${endpointPort}`
  return endpointV4 === undefined ? undefined : `${endpointV4}:${endpointPort}`
}
