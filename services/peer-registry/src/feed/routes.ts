import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Tx } from '@powernode/postgres'
import {
  LocalPlatformSchema,
  PeerRouteSchema,
  type LocalPlatform,
  type PeerRoute,
} from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { trusted } from '../authority.ts'
import { crlsOf } from '../bundle.ts'
import { certificateEnds } from '../certificate-ends.ts'
import type { Peer } from '../peer.ts'
import type { Platform, Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import { bundleIn, envelopeFrom } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import type { FedPeer } from '../store/fed-peers.ts'
import * as platform from '../store/platform.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'
import { spiffeIdOfPeer, weSignFor } from '../trust.ts'
import { descriptionOf, endpointToWire, timersToWire } from '../wire-description.ts'
import { KINDS, STATES } from '../wire-words.ts'

/** What our own side trusts and shows, as of one moment. */
export type Local = {
  readonly platform: Platform
  readonly roots: readonly Buffer[]
  readonly crls: readonly Buffer[]
  readonly currentGeneration: number
}

export async function readLocal(tx: Tx<Tables>): Promise<Local> {
  const row = await platform.read(tx)
  const rotation = await rotations.latest(tx)
  const all = await authorities.list(tx)
  const roots = trusted(all, rotation?.step === 'published')
  return {
    platform: row,
    roots: roots.map(({ rootCertificate }) => rootCertificate),
    crls: crlsOf(roots),
    currentGeneration: roots[0]?.generation ?? 0,
  }
}

export const localToWire = (us: Us, local: Local): LocalPlatform =>
  create(LocalPlatformSchema, {
    platform: descriptionOf(us, local.platform),
    roots: local.roots.map((der) => Uint8Array.from(der)),
    trustBundleSequence: BigInt(local.platform.bundleSequence),
    trustBundle: envelopeFrom(local.platform.bundle),
  })

/**
 * Whether readers of the feed have to know a peer: while we still have to reach it, and for a while after it was
 * revoked, so that it is told so instead of being a stranger.
 */
export function isRouted(peer: FedPeer): boolean {
  if (peer.kind !== 'platform' || peer.forgotten) return false
  if (peer.state === 'proposed') return peer.weRedeem
  return peer.state !== 'revoked' || peer.trustBundle !== null
}

/** All that the gateway and liveness need of a peer. For one we sign for it is our own side that vouches. */
export function routeOf(us: Us, local: Local | undefined, peer: Peer): PeerRoute {
  const vouching = weSignFor(peer) ? local : peer.trustBundle && bundleIn(peer.trustBundle)
  return create(PeerRouteSchema, {
    peerId: peer.id,
    name: peer.name,
    dataResidency: peer.dataResidency,
    identityKey: peer.identityKey ?? new Uint8Array(0),
    state: STATES[peer.state],
    kind: KINDS[peer.kind],
    platformId: peer.platformId ?? '',
    trustDomain: weSignFor(peer) ? us.trustDomain : (peer.trustDomain ?? ''),
    spiffeId: peer.trustDomain || weSignFor(peer) ? spiffeIdOfPeer(us, peer) : '',
    trustRoots: vouching?.roots.map((der) => Uint8Array.from(der)) ?? [],
    crls: vouching?.crls.map((der) => Uint8Array.from(der)) ?? [],
    endpoints: endpointsOf(peer).map(endpointToWire),
    contractVersion: peer.contractVersion ?? 0,
    timers: timersToWire(peer.timers),
    remotePeerId: peer.remotePeerId ?? '',
    caPin: peer.caPin ?? new Uint8Array(0),
    certificateChain: peer.certificateChain.map((der) => Uint8Array.from(Buffer.from(der, 'base64'))),
    privateKeyPkcs8: ownKey(us, peer),
    trustBundleSequence: BigInt(peer.trustBundleSequence),
    versionStatus: peer.versionStatus,
    refusedKinds: [...peer.refusedKinds],
    certificateEnds: certificateEnds(peer).map(({ certificate, notBefore, notAfter }) => ({
      certificate,
      notBefore: timestampFromDate(notBefore),
      notAfter: timestampFromDate(notAfter),
    })),
    ...(peer.enrolledAt && { enrolledAt: timestampFromDate(peer.enrolledAt) }),
  })
}

/** The feed for readers that call no peer: a private key goes only to whoever has to use it. */
export async function* withoutKeys<Update extends { readonly case: string | undefined }>(
  messages: AsyncIterable<{ update: Update | KeyedUpdate }>,
): AsyncGenerator<{ update: Update | KeyedUpdate }> {
  for await (const { update } of messages) yield { update: isKeyed(update) ? keyless(update) : update }
}

type KeyedUpdate = { case: 'peer'; value: PeerRoute }

const isKeyed = (update: { readonly case: string | undefined }): update is KeyedUpdate => update.case === 'peer'

const keyless = ({ value }: KeyedUpdate): KeyedUpdate => ({
  case: 'peer',
  value: { ...value, privateKeyPkcs8: new Uint8Array(0) },
})

/** What they advertise; and last, or until they have spoken, the URL an operator gave: both sides may have moved at once. */
function endpointsOf({ endpoints, url }: Peer): Peer['endpoints'] {
  if (url === '' || endpoints.some((endpoint) => endpoint.url === url)) return endpoints
  const last = Math.max(0, ...endpoints.map(({ priority }) => priority))
  return [...endpoints, { url, scope: 'wan', priority: Math.min(LAST_PRIORITY, last + 1), cidrHint: '' }]
}

const LAST_PRIORITY = 65_535

/** The key of the certificate they signed for us; only with its certificate, never half a pair. */
function ownKey(us: Us, peer: Peer): Uint8Array {
  if (!peer.certificateKeySealed || peer.certificateChain.length === 0) return new Uint8Array(0)
  return Uint8Array.from(us.sealing.open(peer.certificateKeySealed, SEALED.peerCertificateKey(peer.id)))
}
