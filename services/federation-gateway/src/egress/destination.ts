import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Clock } from '@powernode/clock'
import { certificatesToPem, pemToDer, spiffeIdOf, type TlsMaterial } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { shownTo, TLS_OPTIONS, trustedOf } from '../door/tls-contexts.ts'
import { pinnedRoot } from './pinned-root.ts'
import type { Destination } from './road.ts'
import { mustBe, mustBeGateway, mustHoldName } from './server-check.ts'

/** One literal address behind an endpoint's name, checked against what this platform may call. */
export type Address = { readonly address: string; readonly port: number; readonly host: string }

type Ours = { readonly own: TlsMaterial; readonly clock: Clock; readonly connectTimeoutMs: number }

/** Whom to trust at an address: the peer's roots; before we have any, the pinned root; without a pin, the public authorities. */
export async function destinationOf(
  route: PeerRoute,
  { address, port, host }: Address,
  { own, clock, connectTimeoutMs }: Ours,
): Promise<Destination> {
  const where = { address, port, authority: `${host}:${port}` }
  if (route.trustRoots.length > 0) {
    const shown = shownTo(route, own)
    const trusted = route.state === PeerState.REVOKED ? withoutRevocation(route) : trustedOf(route)
    const context = createSecureContext({ ...TLS_OPTIONS, ...shown, ...trusted })
    return { ...where, serverName: trustDomainOf(shown.cert), context, check: mustBe(route.spiffeId) }
  }
  if (route.caPin.length > 0) {
    const serverName = own.spiffeId.trustDomain
    const root = await pinnedRoot({ address, port, serverName, timeoutMs: connectTimeoutMs }, route.caPin, clock)
    const context = createSecureContext({ ...TLS_OPTIONS, ca: certificatesToPem([root]) })
    return { ...where, serverName, context, check: mustBeGateway(route.trustDomain) }
  }
  const serverName = isIP(host) ? own.spiffeId.trustDomain : host // an address cannot be a server name (RFC 6066 §3)
  return { ...where, serverName, context: createSecureContext(TLS_OPTIONS), check: mustHoldName(host) }
}

/**
 * A revoked peer is called for one thing, to be told so. When we signed its certificate we have revoked that too, and by
 * our own list nobody could tell it any more; the notice is signed and no secret.
 */
function withoutRevocation(route: PeerRoute): { readonly ca: string } {
  return { ca: trustedOf(route).ca }
}

/** What a server is told as TLS server name, so that it asks the right roots about our certificate. */
export function trustDomainOf(chainPem: string): string {
  const [leaf] = pemToDer(chainPem, 'CERTIFICATE')
  const id = leaf && spiffeIdOf(new X509Certificate(leaf))
  if (!id) throw new Refusal('CERTIFICATE_REQUIRED', 'we have no certificate to show to this peer')
  return id.trustDomain
}
