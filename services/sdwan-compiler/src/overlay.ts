import { canonicalAddress, canonicalCidr, inSomeCidr } from '@powernode/policy'
import { kindOfAddress, Refusal } from '@powernode/rpc'
import { HALF_BYTES, objectionToKey } from './tunnel-key.ts'
import type { Prefix, RemoteGateway } from './world.ts'

/** One end of the road between two platforms, as that platform describes it, checked by its types. */
export type Overlay = {
  readonly sequence: number
  readonly gateways: readonly RemoteGateway[]
  readonly advertise: readonly Prefix[]
  /** It offers no road any more. */
  readonly withdrawn: boolean
}

/** As it came over the wire. */
export type SaidOverlay = {
  readonly sequence: bigint
  readonly gateways: readonly {
    readonly publicKey: string
    readonly endpoint: string
    readonly address: string
    readonly asNumber: number
  }[]
  readonly advertise: readonly string[]
  readonly presharedHalf: Uint8Array
  readonly withdrawn: boolean
}

/**
 * What a peer says of its end, or the refusal of it. What it says is written into scripts of WireGuard and FRR, so each value
 * MUST be of its type and in its one spelling; whether it is ours to be routed is another question (overlap.ts).
 */
export function readOverlay(said: SaidOverlay): Overlay {
  const { withdrawn } = said
  const sequence = Number(said.sequence)
  if (!Number.isSafeInteger(sequence)) throw invalid('its sequence is beyond every count')
  if (withdrawn) return { sequence, withdrawn, gateways: [], advertise: [] }
  for (const prefix of said.advertise) if (!isUla(prefix)) throw invalid(`${prefix} is no ULA prefix in canonical form`)
  if (said.presharedHalf.length !== HALF_BYTES)
    throw invalid(`its half of the preshared key has not ${HALF_BYTES} bytes`)
  const gateways = said.gateways.map((gateway) => readGateway(gateway, said.advertise))
  for (const [what, all] of [
    ['key', gateways.map(({ publicKey }) => publicKey)],
    ['address', gateways.map(({ address }) => address)],
  ] as const)
    if (new Set(all).size < all.length) throw invalid(`two of its gateways have the same ${what}`)
  return { sequence, withdrawn, gateways, advertise: [...new Set(said.advertise)].toSorted() }
}

function readGateway(
  { publicKey, endpoint, address, asNumber }: SaidOverlay['gateways'][number],
  advertise: readonly string[],
): RemoteGateway {
  const objection = objectionToKey(publicKey)
  if (objection !== undefined) throw invalid(`the key of a gateway ${objection}`)
  if (canonicalAddress(address) !== address) throw invalid(`${address} is no address in canonical form`)
  if (!inSomeCidr(advertise, address)) throw invalid(`the gateway ${address} lies in nothing that is advertised`)
  return { publicKey, endpoint: endpoint === '' ? undefined : readEndpoint(endpoint, advertise), address, asNumber }
}

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
/** Places on another host: WireGuard would send to any that it is given, also to this machine and to its cloud. */
const OTHER_HOSTS: ReadonlySet<string> = new Set(['public', 'private', 'reserved'])

/** `[v6]:port`, `v4:port` or `name:port`; what looks like an address MUST be one. */
function readEndpoint(endpoint: string, advertise: readonly string[]): string {
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):([1-9]\d{0,4})$/.exec(endpoint) ?? []
  const host = bracketed ?? plain ?? ''
  // What resolvers take for IPv4 is what ends in a number, decimal, octal or hexadecimal (inet_aton): 0x7f000001 is no name.
  const isAddress = bracketed !== undefined || /(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)
  const isRight = isAddress
    ? canonicalAddress(host) === host && host.includes(':') === (bracketed !== undefined)
    : HOST.test(host)
  if (!isRight || Number(port) > 65_535) throw invalid('the endpoint of a gateway is no host:port')
  if (isAddress && !OTHER_HOSTS.has(kindOfAddress(host))) throw invalid(`nobody is called at ${host}`)
  if (isAddress && inSomeCidr(advertise, host)) throw invalid('the endpoint of a gateway lies behind the tunnel itself')
  return endpoint
}

const isUla = (prefix: string): boolean =>
  canonicalCidr(prefix) === prefix && /^f[cd]/.test(prefix) && bitsOf(prefix) >= 32

const bitsOf = (prefix: string): number => Number(prefix.split('/')[1])

/** Equal for offers that say the same, whatever their sequence. */
export function sameOverlay(one: Overlay, other: Overlay): boolean {
  return one.withdrawn === other.withdrawn && textOf(one) === textOf(other)
}

const textOf = ({ gateways, advertise }: Overlay): string =>
  JSON.stringify([
    gateways.map(({ publicKey, endpoint, address, asNumber }) => [publicKey, endpoint ?? '', address, asNumber]),
    advertise,
  ])

const invalid = (why: string): Refusal => new Refusal('REQUEST_INVALID', `this offer cannot be taken: ${why}`)

/** Under which context each half of a preshared key is sealed: what is copied into another row does not open. */
export const SEALED = {
  ourHalf: (peerId: string) => `overlay_offer.half_sealed ${peerId}`,
  theirHalf: (peerId: string) => `heard_overlay.half_sealed ${peerId}`,
} as const
