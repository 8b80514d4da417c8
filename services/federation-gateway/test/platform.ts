import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { pemToDer, spiffeUri, type Authority, type SpiffeId, type TlsMaterial } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { PeerKind, PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRouteSchema, type PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'

/** A platform as far as certificates go: a CA of its own, and identities it issues. */
export type Platform = {
  readonly trustDomain: string
  readonly authority: Authority
  readonly gateway: TlsMaterial
  readonly identity: (
    kind: SpiffeId['kind'],
    name: string,
  ) => Promise<{ readonly dir: string; readonly material: TlsMaterial }>
}

export async function makePlatform(trustDomain: string): Promise<Platform> {
  const authority = await makeTestAuthority(trustDomain)
  const identity = async (kind: SpiffeId['kind'], name: string) => {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-gateway-'))
    return { dir, material: await makeTestIdentity(authority, { trustDomain, kind, name }, dir) }
  }
  const { material: gateway } = await identity('service', 'federation-gateway')
  return { trustDomain, authority, gateway, identity }
}

let peerNumber = 0

/** A peering with that platform, active and symmetric unless told otherwise. */
export function routeTo(platform: Platform, some: MessageInitShape<typeof PeerRouteSchema> = {}): PeerRoute {
  const { trustDomain, authority } = platform
  peerNumber += 1
  return create(PeerRouteSchema, {
    peerId: `01930000-0000-7000-8000-${peerNumber.toString(16).padStart(12, '0')}`,
    state: PeerState.ACTIVE,
    kind: PeerKind.PLATFORM,
    trustDomain,
    spiffeId: spiffeUri({ trustDomain, kind: 'service', name: 'federation-gateway' }),
    trustRoots: [authority.rootCertificate],
    contractVersion: 1,
    ...some,
  })
}

export function leafOf({ cert }: { readonly cert: string }): Buffer {
  const [leaf] = pemToDer(cert, 'CERTIFICATE')
  if (!leaf) throw new Error('no certificate')
  return leaf
}
