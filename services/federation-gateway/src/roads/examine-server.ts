import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { refusalOf } from '@powernode/rpc'
import type { ExaminedEndpoint } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { destinationOf, type Address } from '../egress/destination.ts'
import { chainOf } from '../egress/pinned-root.ts'
import { askHealth } from './ask-health.ts'
import { isSignedFor, judgeChain } from './judge-chain.ts'
import { handshakeFault, openTls, type Patience } from './meet-server.ts'
import type { RoadParts } from './road-parts.ts'
import { linkToWire, said, took } from './road-to-wire.ts'

/** What TLS, the chain and the answer of a server say of it. */
type Met = Omit<Partial<ExaminedEndpoint>, '$typeName' | '$unknown'>

type Reached = { readonly route: PeerRoute; readonly socket: Socket; readonly address: Address }

/** Who it is that has taken our connection: handshake ▸ their chain ▸ whether they let us in. The connection is ended. */
export async function examineServer(
  parts: RoadParts,
  { route, socket, address }: Reached,
  patience: Patience,
): Promise<Met> {
  const { outbound, clock, limits } = parts
  try {
    const destination = await destinationOf(route, address, {
      own: outbound.own,
      clock,
      connectTimeoutMs: limits.connectTimeoutMs,
    })
    const tls = await openTls(socket, destination, patience)
    const seen = {
      tls: true,
      tlsVersion: tls.getProtocol() ?? '',
      alpn: tls.alpnProtocol || '',
      ...shownBy(tls, route, clock.now()),
    }
    if (!tls.authorized) return { ...seen, tlsError: said(String(tls.authorizationError)), refusedBy: 'us' }
    const answer = await askHealth(tls, destination.authority, patience)
    return {
      ...seen,
      answered: answer.answered,
      answerError: said(answer.error),
      refusedBy: answer.refusedBy,
      roundTrip: took(answer.roundTripMs),
      ...(answer.clockOffsetMs !== undefined && { clockOffset: took(answer.clockOffsetMs) }),
    }
  } catch (error) {
    patience.signal.throwIfAborted()
    const refusal = refusalOf(error)
    if (refusal) return { tlsError: said(`${refusal.reason}: ${refusal.message}`) }
    const { tlsError, refusedBy } = handshakeFault(error)
    return { tlsError: said(tlsError), refusedBy }
  } finally {
    socket.destroy()
  }
}

function shownBy(tls: TLSSocket, route: PeerRoute, now: Date): Pick<Met, 'theirChain' | 'theirs'> {
  const chain = chainOf(tls.getPeerCertificate(true))
  const judge = { roots: route.trustRoots, crls: route.crls, spiffeId: route.spiffeId, now }
  return { theirChain: judgeChain(chain, judge).map(linkToWire), theirs: isSignedFor(chain, judge) }
}
