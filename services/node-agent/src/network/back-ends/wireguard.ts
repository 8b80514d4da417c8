import type { Tunnel } from '../checked/check-state.ts'
import type { WireGuardPeer } from '../checked/wireguard-config.ts'
import type { KeyPair } from '../keys.ts'
import { withFile, type Tools } from '../tools.ts'

/** Where names of endpoints lead; what could not be found out is not in it. */
export type Resolved = ReadonlyMap<string, string>

/** Which prefixes have moved to which peer, by public key. */
export type Moves = ReadonlyMap<string, string>

export type Rendering = { readonly key: KeyPair; readonly resolved: Resolved; readonly moves: Moves }

/** The configuration that `wg syncconf` is handed, written from what was checked. Holds keys. */
export function renderConfig(tunnel: Tunnel, { key, resolved, moves }: Rendering): string {
  const lines = ['[Interface]', `PrivateKey = ${key.privateKey}`, `ListenPort = ${tunnel.listenPort}`]
  const carried = carriedBy(tunnel, moves)
  for (const peer of tunnel.peers) {
    const preshared = tunnel.presharedKeys.get(peer.publicKey)
    const endpoint = endpointOf(peer, resolved)
    lines.push(
      '[Peer]',
      `PublicKey = ${peer.publicKey}`,
      ...(preshared === undefined ? [] : [`PresharedKey = ${preshared}`]),
      `AllowedIPs = ${(carried.get(peer.publicKey) ?? []).join(', ')}`,
      ...(endpoint === undefined ? [] : [`Endpoint = ${endpoint}`]),
      // Said of everybody: what `wg syncconf` is not told of stays as it was.
      `PersistentKeepalive = ${peer.keepaliveSeconds}`,
    )
  }
  return `${lines.join('\n')}\n`
}

/** What each peer carries now, by public key: what it was compiled with, without what has moved away and with what has moved here. */
export function carriedBy({ peers }: Pick<Tunnel, 'peers'>, moves: Moves): ReadonlyMap<string, readonly string[]> {
  const carried = new Map(
    peers.map(({ publicKey, allowedIps }) => [
      publicKey,
      moves.size === 0
        ? [...allowedIps]
        : allowedIps.filter((prefix) => (moves.get(prefix) ?? publicKey) === publicKey),
    ]),
  )
  for (const [prefix, to] of moves) {
    const own = carried.get(to)
    if (own && !own.includes(prefix)) own.push(prefix)
  }
  return carried
}

function endpointOf({ endpoint }: WireGuardPeer, resolved: Resolved): string | undefined {
  const address =
    endpoint && (resolved.get(endpoint.host) ?? (/^[0-9.]+$|:/.test(endpoint.host) ? endpoint.host : undefined))
  if (!endpoint || address === undefined) return undefined
  return `${address.includes(':') ? `[${address}]` : address}:${endpoint.port}`
}

export async function syncConfig(tools: Tools, name: string, config: string): Promise<void> {
  await withFile(config, (path) => tools.must('wg', ['syncconf', name, path]))
}

/** Moves prefixes to other peers. Each peer gets all that it then carries; a prefix that one gets, the other has lost. */
export async function moveAllowedIps(
  tools: Tools,
  tunnel: Tunnel,
  moves: Moves,
  touched: ReadonlySet<string>,
): Promise<void> {
  // prettier-ignore
  const carried = carriedBy(tunnel, moves)
  const words = [...touched].flatMap((key) => ['peer', key, 'allowed-ips', (carried.get(key) ?? []).join(',')])
  if (words.length > 0) await tools.must('wg', ['set', tunnel.name, ...words])
}

export type LivePeer = {
  readonly publicKey: string
  readonly allowedIps: readonly string[]
  readonly presharedKey: string
  readonly keepaliveSeconds: number
  /** Seconds since 1970; 0: never. */
  readonly handshakeAt: number
  readonly rxBytes: number
  readonly txBytes: number
}

export type Live = { readonly publicKey: string; readonly listenPort: number; readonly peers: readonly LivePeer[] }

/** What an interface has, by `wg show <name> dump` (wg(8)). */
export async function showInterface(tools: Tools, name: string): Promise<Live> {
  const [first = '', ...rest] = (await tools.must('wg', ['show', name, 'dump'])).trimEnd().split('\n')
  const [, publicKey = '', port = '0'] = first.split('\t')
  const peers = rest.map((line) => {
    const [key = '', preshared = '', , allowed = '', handshake, rx, tx, keepalive = 'off'] = line.split('\t')
    return {
      publicKey: key,
      presharedKey: preshared === '(none)' ? '' : preshared,
      allowedIps: allowed === '(none)' ? [] : allowed.split(','),
      keepaliveSeconds: keepalive === 'off' ? 0 : Number(keepalive),
      handshakeAt: Number(handshake),
      rxBytes: Number(rx),
      txBytes: Number(tx),
    }
  })
  return { publicKey, listenPort: Number(port), peers }
}

/** What of an interface is not as it has to be; undefined when all is. Where a peer was last heard from is its own affair. */
export function driftOf(tunnel: Tunnel, live: Live, { key, moves }: Omit<Rendering, 'resolved'>): string | undefined {
  if (live.publicKey !== key.publicKey) return `${tunnel.name} has another key`
  if (live.listenPort !== tunnel.listenPort) return `${tunnel.name} listens elsewhere`
  const wanted = new Map(tunnel.peers.map((peer) => [peer.publicKey, peer]))
  const all = carriedBy(tunnel, moves)
  for (const peer of live.peers) {
    const { publicKey, allowedIps, keepaliveSeconds, presharedKey } = peer
    const own = wanted.get(publicKey)
    if (!own) return `${tunnel.name} has a peer of somebody else`
    const carried = new Set(all.get(publicKey))
    const same = carried.size === allowedIps.length && allowedIps.every((prefix) => carried.has(prefix))
    if (!same) return `${tunnel.name}: a peer carries other prefixes`
    if (keepaliveSeconds !== own.keepaliveSeconds) return `${tunnel.name}: a peer has another keepalive`
    if (presharedKey !== (tunnel.presharedKeys.get(publicKey) ?? ''))
      return `${tunnel.name}: a peer has another preshared key`
    wanted.delete(publicKey)
  }
  return wanted.size > 0 ? `${tunnel.name} lacks ${wanted.size} peers` : undefined
}
