import { PrefixTable, mustNet } from './address.ts'

/** One interface as `wg syncconf` would have it: who may be at the other end of which addresses. */
export type Tunnel = {
  readonly listenPort: number | undefined
  readonly peers: ReadonlyMap<string, TunnelPeer>
  /** Cryptokey routing: an address belongs to the peer with the longest prefix; the last to name a prefix has it. */
  readonly owners: PrefixTable<string>
  /** Prefixes that two peers named: the kernel gives them to the last, in silence. */
  readonly stolen: readonly string[]
}

export type TunnelPeer = {
  readonly publicKey: string
  readonly endpoint: string | undefined
  readonly keepalive: number
  readonly allowedIps: readonly string[]
}

type Draft = { -readonly [K in keyof TunnelPeer]: TunnelPeer[K] }

/** Reads what is emitted for `wg syncconf`. A line that it does not know is an error: a judge MUST NOT skip what it cannot read. */
export function readTunnel(text: string): Tunnel {
  let listenPort: number | undefined
  let peer: Draft | undefined
  let section = ''
  const peers = new Map<string, TunnelPeer>()
  const owners = new PrefixTable<string>()
  const stolen: string[] = []
  const close = (): void => {
    if (!peer) return
    if (peer.publicKey === '') throw new Error('a [Peer] without PublicKey')
    if (peers.has(peer.publicKey)) throw new Error(`two [Peer] with the key ${peer.publicKey}`)
    peers.set(peer.publicKey, peer)
    for (const prefix of peer.allowedIps) {
      const before = owners.put(mustNet(prefix), peer.publicKey)
      if (before !== undefined && before !== peer.publicKey) stolen.push(prefix)
    }
  }
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    if (line === '[Interface]' || line === '[Peer]') {
      close()
      section = line
      peer = line === '[Peer]' ? { publicKey: '', endpoint: undefined, keepalive: 0, allowedIps: [] } : undefined
      continue
    }
    const equals = line.indexOf(' = ')
    const [name, value] = [line.slice(0, equals), line.slice(equals + 3)]
    if (equals < 0) throw new Error(`wg: a line without meaning: ${line}`)
    if (section === '[Interface]' && name === 'ListenPort') listenPort = Number(value)
    else if (!peer) throw new Error(`wg: ${name} does not belong to ${section || 'nothing'}`)
    else readPeerLine(peer, name, value)
  }
  close()
  return { listenPort, peers, owners, stolen }
}

function readPeerLine(peer: Draft, name: string, value: string): void {
  switch (name) {
    case 'PublicKey':
      peer.publicKey = value
      return
    case 'AllowedIPs':
      peer.allowedIps = value === '' ? peer.allowedIps : [...peer.allowedIps, ...value.split(', ')]
      return
    case 'Endpoint':
      peer.endpoint = value
      return
    case 'PersistentKeepalive':
      peer.keepalive = Number(value)
      return
    default:
      throw new Error(`wg: unknown key ${name}`)
  }
}
