import { create } from '@bufbuild/protobuf'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  ExamineRoadResponseSchema,
  type ChainLink,
  type ExaminedEndpoint,
  type ExamineRoadResponse,
} from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { failed, ok, skipped, warning, type Named, type Trouble } from '../check.ts'
import type { Road } from '../evidence.ts'
import { lasting, msOf } from '../moments.ts'
import { reasonIn } from '../reason-in.ts'
import { meaningOf } from './answers.ts'
import { chainTrouble, linkWords, shownTrouble } from './chains.ts'

/** States in which nothing is called across the border. */
const CLOSED: readonly PeerState[] = [PeerState.REVOKED, PeerState.SUSPENDED]

/** Piece by piece to the other side's door: name, TCP, TLS, both chains. What comes after a piece that is missing is skipped. */
export function roadChecks(road: Road, peer: Peer | undefined): Check[] {
  if (peer && CLOSED.includes(peer.state))
    return [skipped('names.theirs', 'nothing is called across the border in this state')]
  if ('silent' in road) return [skipped('names.theirs', `our gateway did not look: ${road.silent}`)]
  const { endpoints, refused } = road.road
  if (endpoints.length === 0)
    return [skipped('names.theirs', refused || 'the other side has not said where it can be reached')]
  const walked = endpoints.map((endpoint) => walk(endpoint, road.road, peer))
  const furthest = walked.toSorted((one, other) => other.steps - one.steps)[0]
  if (!furthest) return []
  return [...furthest.checks, ...besides(walked, furthest), ...ourChain(road.road)]
}

type Walk = {
  readonly url: string
  readonly steps: number
  readonly checks: readonly Check[]
  readonly trouble: Trouble | undefined
}

type Step = {
  readonly at: Named
  readonly trouble: (
    endpoint: ExaminedEndpoint,
    road: ExamineRoadResponse,
    peer: Peer | undefined,
  ) => Trouble | undefined
  readonly words: (endpoint: ExaminedEndpoint) => string
}

/** In this order: each needs the one before. */
const STEPS: readonly Step[] = [
  {
    at: 'names.theirs',
    trouble: ({ url, addresses, nameError }) =>
      addresses.length > 0 && nameError === ''
        ? undefined
        : {
            symptom: 'name_unresolved',
            summary: `the name in ${url} leads nowhere`,
            cause: nameError || 'the name has no address',
            side: 'them',
            command: 'mend the DNS record, or say where else: FEDERATION_ENDPOINTS of peer-registry',
          },
    words: ({ url, addresses }) => `${url} is ${addresses.join(', ')}`,
  },
  {
    at: 'tcp.theirs',
    trouble: ({ url, connected, connectError }) =>
      connected
        ? undefined
        : {
            symptom: 'port_silent',
            summary: `nobody answers under ${url}`,
            cause: connectError || 'no connection came about',
            side: 'them',
            command: 'fedctl doctor',
          },
    words: ({ url }) => `${url} takes connections`,
  },
  {
    at: 'chains.theirs',
    trouble: ({ theirChain, url }, road) => chainTrouble(theirChain, url, road),
    words: ({ theirChain }) => `their chain holds: ${linkWords(theirChain)}`,
  },
  {
    at: 'tls.theirs',
    trouble: ({ tls, tlsError, refusedBy, url }, { ourChain: shown }) =>
      tls && refusedBy !== 'us' ? undefined : handshakeTrouble({ tlsError, refusedBy, url, shown }),
    words: ({ tlsVersion, alpn }) =>
      `${[tlsVersion, alpn].filter(Boolean).join(', ') || 'TLS'}, both sides authenticated`,
  },
  {
    at: 'tls.door',
    trouble: ({ answered, answerError, refusedBy, url }, { ourChain: shown }, peer) =>
      answered ? undefined : doorTrouble({ answerError, refusedBy, url, shown }, peer),
    words: ({ roundTrip }) =>
      `their door lets us in${roundTrip ? `, and answers in ${lasting(msOf(roundTrip) ?? 0)}` : ''}`,
  },
]

function walk(endpoint: ExaminedEndpoint, road: ExamineRoadResponse, peer: Peer | undefined): Walk {
  const checks: Check[] = []
  for (const { at, trouble: look, words } of STEPS) {
    const trouble = look(endpoint, road, peer)
    if (trouble) return { url: endpoint.url, steps: checks.length, checks: [...checks, failed(at, trouble)], trouble }
    if (at === 'chains.theirs' && endpoint.theirChain.length === 0) continue
    checks.push(ok(at, words(endpoint)))
  }
  return { url: endpoint.url, steps: STEPS.length + 1, checks, trouble: undefined }
}

/** Other endpoints that got less far: one that works is enough, and the rest still deserves a line. */
function besides(walked: readonly Walk[], furthest: Walk): Check[] {
  return walked.flatMap(({ url, trouble, ...walk }) => {
    if (!trouble || walk.checks === furthest.checks) return []
    const { summary, cause, side } = trouble
    return [
      warning('tcp.endpoint', {
        symptom: 'endpoint_down',
        summary: `${url} cannot be used`,
        cause: `${summary}: ${cause}`,
        side,
        command: 'take it out of FEDERATION_ENDPOINTS, or mend it',
      }),
    ]
  })
}

/** Before a word of TLS was said: a proxy or balancer with nobody behind it, or a cable that was pulled. */
const HUNG_UP = /ECONNRESET|EPIPE|disconnected before|hung up|timed out|in time/i

type Refused = Pick<ExaminedEndpoint, 'refusedBy' | 'url'> & { readonly shown: readonly ChainLink[] }

function handshakeTrouble({ tlsError, refusedBy, ...rest }: Refused & Pick<ExaminedEndpoint, 'tlsError'>): Trouble {
  if (refusedBy === 'them') return refusedByThem(tlsError, rest)
  if (HUNG_UP.test(tlsError))
    return {
      symptom: 'port_silent',
      summary: `${rest.url} takes connections and hangs up`,
      cause: `${tlsError}: what stands before their door does not reach it`,
      side: 'them',
      command: 'fedctl doctor',
    }
  return {
    symptom: 'tls_failed',
    summary: `no TLS with ${rest.url}`,
    cause: tlsError || 'the handshake did not end',
    side: 'them',
    command: 'fedctl doctor',
  }
}

function doorTrouble(
  { answerError, refusedBy, ...rest }: Refused & Pick<ExaminedEndpoint, 'answerError'>,
  peer: Peer | undefined,
): Trouble {
  const said = reasonIn(answerError) ?? ''
  const known = meaningOf(said, peer ?? { id: '<peer>' })
  if (known) return { ...known, summary: `their door does not let us in (${said})`, cause: answerError }
  if (refusedBy === 'them') return refusedByThem(answerError, rest)
  return {
    symptom: 'refused_there',
    summary: `${rest.url} takes our connection and does not answer`,
    cause: answerError,
    side: 'them',
    command: 'fedctl doctor',
  }
}

const refusedByThem = (error: string, { url, shown }: Pick<Refused, 'url' | 'shown'>): Trouble => ({
  symptom: 'our_certificate_refused',
  summary: `${url} refuses the certificate that we show`,
  cause: `${error}; we showed ${linkWords(shown) || 'nothing'}`,
  side: 'them',
  command: 'fedctl doctor peer <peer>',
})

function ourChain({ ourChain: chain }: ExamineRoadResponse): Check[] {
  const trouble = shownTrouble(chain)
  if (trouble) return [failed('chains.ours', trouble)]
  return chain.length > 0 ? [ok('chains.ours', `what we show holds: ${linkWords(chain)}`)] : []
}

/**
 * What of the road the peer itself is told. It chose the addresses: what is met at one that is not proven to be its own
 * would have us look around our network for it, so of that it learns only that it is not reached.
 */
export function roadChecksForPeer(road: Road, peer: Peer | undefined): Check[] {
  if ('silent' in road || road.road.endpoints.length === 0) return []
  const { endpoints } = road.road
  const own = endpoints.filter(({ theirs }) => theirs)
  if (own.length > 0)
    return roadChecks({ road: create(ExamineRoadResponseSchema, { ...road.road, endpoints: own }) }, peer)
  return [
    failed('tcp.theirs', {
      symptom: 'port_silent',
      summary: 'we reach you under none of the addresses that you advertise',
      cause: endpoints.map(({ url }) => url).join(', '),
      side: 'them',
      command: 'see that FEDERATION_ENDPOINTS can be reached from outside, and: fedctl doctor',
    }),
  ]
}
