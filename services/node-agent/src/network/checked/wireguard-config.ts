import { HOST_NAME, WIREGUARD_KEY, isAddress, isHostOrLinkLocal, isPort, isPrefix } from './patterns.ts'

/** Who is at the other end of a tunnel. */
export type WireGuardPeer = {
  readonly publicKey: string
  readonly allowedIps: readonly string[]
  readonly endpoint: { readonly host: string; readonly port: number } | undefined
  readonly keepaliveSeconds: number
}

export type WireGuardConfig = { readonly listenPort: number | undefined; readonly peers: readonly WireGuardPeer[] }

type Draft = {
  publicKey?: string
  allowedIps: string[]
  endpoint?: WireGuardPeer['endpoint']
  keepaliveSeconds: number
}

const KEEPALIVE_MAX_SECONDS = 65_535

/**
 * Reads a configuration for `wg syncconf` as we are sent it. What wg is handed is written anew from what was read here, so
 * that nothing reaches it that we did not understand. Throws on every line that is not one of the few that are ours.
 */
export function readWireGuardConfig(text: string): WireGuardConfig {
  let listenPort: number | undefined
  let section: Draft | 'interface' | undefined
  const drafts: Draft[] = []
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    if (line === '[Interface]') section = 'interface'
    else if (line === '[Peer]') drafts.push((section = { allowedIps: [], keepaliveSeconds: 0 }))
    else {
      const [, key = '', value = ''] = /^([A-Za-z]+) ?= ?(.*)$/.exec(line) ?? []
      if (section === 'interface' && key === 'ListenPort') listenPort = portOf(value)
      else if (typeof section === 'object' && key in PEER_LINES)
        PEER_LINES[key as keyof typeof PEER_LINES](section, value)
      else throw new Error(`WireGuard has a line that is not ours: ${JSON.stringify(line.slice(0, 60))}`)
    }
  }
  const peers = drafts.map(({ publicKey, endpoint, ...rest }) => {
    if (publicKey === undefined) throw new Error('a WireGuard peer without a key')
    return { publicKey, endpoint, ...rest }
  })
  refuseTwice(peers)
  return { listenPort, peers }
}

const PEER_LINES = {
  PublicKey(draft: Draft, value: string) {
    if (!WIREGUARD_KEY.test(value)) throw new Error('a WireGuard key that is none')
    draft.publicKey = value
  },
  AllowedIPs(draft: Draft, value: string) {
    const prefixes = value === '' ? [] : value.split(/, ?/)
    const odd = prefixes.find((prefix) => !isPrefix(prefix) && !isHostOrLinkLocal(prefix))
    if (odd !== undefined) throw new Error(`AllowedIPs hold what no network has: ${JSON.stringify(odd.slice(0, 60))}`)
    draft.allowedIps.push(...prefixes)
  },
  Endpoint(draft: Draft, value: string) {
    const [, v6, host, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(value) ?? []
    const place = v6 ?? host ?? ''
    if (!(v6 === undefined ? HOST_NAME.test(place) : isAddress(place))) throw new Error('an endpoint that is none')
    draft.endpoint = { host: place, port: portOf(port) }
  },
  PersistentKeepalive(draft: Draft, value: string) {
    const seconds = value === 'off' ? 0 : Number(value)
    if (!/^(off|\d{1,5})$/.test(value) || seconds > KEEPALIVE_MAX_SECONDS) throw new Error('a keepalive that is none')
    draft.keepaliveSeconds = seconds
  },
} as const

/** A prefix with two peers would go to the last of them (cryptokey routing, WireGuard paper §2): that is no decision. */
function refuseTwice(peers: readonly WireGuardPeer[]): void {
  const keys = new Set<string>()
  const prefixes = new Set<string>()
  for (const { publicKey, allowedIps } of peers) {
    if (keys.has(publicKey)) throw new Error('a WireGuard peer stands twice in one tunnel')
    keys.add(publicKey)
    for (const prefix of allowedIps) {
      if (prefixes.has(prefix)) throw new Error(`${prefix} belongs to two peers of one tunnel`)
      prefixes.add(prefix)
    }
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || !isPort(port)) throw new Error('a port that is none')
  return port
}
