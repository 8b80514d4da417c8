import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NodeStateSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'

export type State = MessageInitShape<typeof NodeStateSchema>
export type Interface = NonNullable<State['interfaces']>[number]

/** Names as the compiler makes them, and unlike all others on the machine. */
export const newName = (kind: 'wg' | 'fx' | 'vr' = 'wg'): string =>
  `${kind}-${[...randomBytes(12)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('')}`

export const newNode = (): string => randomUUID()

/** A state with the version that goes with what stands in it. */
export function state(parts: State): State {
  const version = createHash('sha256')
    .update(JSON.stringify(parts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
    .digest('hex')
  return { ...parts, version }
}

type PeerSaid = { readonly key: string; readonly allowed: readonly string[]; readonly endpoint?: string }

export function tunnel(said: {
  readonly name: string
  readonly address: string
  readonly port?: number
  readonly peers?: readonly PeerSaid[]
  readonly routes?: readonly string[]
  readonly more?: Partial<Interface>
}): Interface {
  const { name, address, port = 51_820, peers = [], routes = [], more } = said
  const config = [
    `[Interface]\nListenPort = ${port}`,
    ...peers.map(
      ({ key, allowed, endpoint }) =>
        `[Peer]\nPublicKey = ${key}\nAllowedIPs = ${allowed.join(', ')}\n${endpoint === undefined ? '' : `Endpoint = ${endpoint}\n`}PersistentKeepalive = 25`,
    ),
  ].join('\n')
  const ways = routes.map((prefix) => ({ prefix, metric: 0, source: 'network:test' }))
  return { name, addresses: [`${address}/128`], mtu: 1_420, listenPort: port, config: `${config}\n`, routes: ways, ...more } as Interface // prettier-ignore
}

/** A firewall that lets in what the rules say, over these interfaces, and drops the rest there. */
export function firewall(interfaces: readonly string[], rules: readonly string[]): string {
  const names = interfaces.map((name) => `"${name}"`).join(', ')
  return `table inet powernode_sdwan
delete table inet powernode_sdwan
table inet powernode_sdwan {
  chain net_in {
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
${rules.map((rule) => `    ${rule}\n`).join('')}    counter drop comment "default"
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname { ${names} } jump net_in
  }
}
`
}
