import { ServerInterceptingCall, status as Status, type Metadata, type ServerInterceptor } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { childOf, Refusal, REQUEST_ID, requestIdFrom, TRACEPARENT } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Arrivals } from './arrivals.ts'
import { ADMITTED, checkAcquainted, checkContract, CURRENT_STATES, peerAdmitted } from './admission.ts'
import { isLedgerCall } from './ledger.ts'
import { refusalBehind } from './library-status.ts'
import { takeOrRefuse, type RateLimit } from './rate-limits.ts'
import type { Session } from './sessions.ts'
import type { Turns } from './turns.ts'
import type { Recorder, Visit, Visits } from './visit.ts'

export type Attendance = {
  readonly table: PeerTable
  readonly clock: Clock
  readonly record: Recorder
  readonly visits: Visits
  /** Every path that is served. */
  readonly isServed: (path: string) => boolean
  /** Whether a call to this path is a talk, in which the caller may think between its words. */
  readonly isTalk: (path: string) => boolean
  /** From the headers of a call to the end of its message. */
  readonly arrivals: Arrivals
  readonly turns: Pick<Turns, 'take'>
  readonly limits: {
    readonly callsPerPeer: RateLimit
    /** Of their own, so that neither the ledgers' traffic nor the peer's calls take the place of the other. */
    readonly ledgerCallsPerPeer: RateLimit
    readonly acceptsPerSource: RateLimit
  }
}

type MethodName = keyof typeof FederationService.method
const METHODS = new Map<string, MethodName>(
  FederationService.methods.map(({ name, localName }) => [
    `/${FederationService.typeName}/${name}`,
    localName as MethodName,
  ]),
) // the generated descriptor's local names are its method keys

/** How long a stranger whose certificate we did not trust may stay after having been told so. */
const REFUSED_GRACE_MS = 1_000

/**
 * What every call on a connection passes before its message is read:
 *
 *     request id, trace ▸ rate ▸ method known? ▸ which peer, in which state? ▸ contract = agreed? ▸ message there in time?
 *     ▸ its turn
 *
 * What it refuses costs its sender the headers only: of a message nothing is read or held. Whoever has gone, or was
 * answered, before its turn has come is not worked for any more.
 */
export function attendance(parts: Attendance): (session: Session) => ServerInterceptor {
  return (session) =>
    ({ path }, call) => {
      const { visitor } = session
      const rpc = parts.isServed(path) ? path.slice(1) : 'unknown'
      let visit: Visit | undefined
      let arrived: () => void = () => {}
      let isOver = false
      const send = call.sendStatus.bind(call)
      // On the innermost call object, because the library sends statuses of its own past all interceptors.
      call.sendStatus = (status) => {
        isOver = true
        arrived()
        visit ??= parts.record(rpc, visitor, requestIdFrom(undefined), childOf(undefined))
        if (status.code === Status.OK) visit.succeed()
        const typed = status.code === Status.OK || status.metadata?.get('grpc-status-details-bin').length
        send(typed ? status : visit.fail(refusalBehind(status) ?? new Error(status.details)))
      }

      return new ServerInterceptingCall(call, {
        start(next) {
          next({
            onReceiveMetadata(metadata, proceed) {
              visit = parts.record(
                rpc,
                visitor,
                requestIdFrom(text(metadata, REQUEST_ID)),
                childOf(text(metadata, TRACEPARENT)),
              )
              parts.visits.set(metadata, visit)
              arrived = parts.arrivals.expect(() => {
                if (visit) call.sendStatus(visit.fail(dawdled()))
                session.end(REFUSED_GRACE_MS)
              })
              try {
                admit(parts, path, visit)
              } catch (error) {
                call.sendStatus(visit.fail(error))
                if (isUntrusted(error)) session.end(REFUSED_GRACE_MS)
                return
              }
              proceed(metadata)
            },
            onReceiveMessage(message, proceed) {
              if (parts.isTalk(path)) arrived()
              proceed(message)
            },
            onReceiveHalfClose(proceed) {
              arrived()
              parts.turns.take(() => isOver || proceed())
            },
            onCancel() {
              isOver = true
              arrived()
              visit?.abandon()
            },
          })
        },
      })
    }
}

/**
 * A message is not waited for longer than it may take. Whoever dawdles loses its connection: half a message is held in
 * memory until then, and a hostile peer could have thousands of them.
 */
function dawdled(): Refusal {
  return new Refusal('DEADLINE_EXCEEDED', 'the request did not arrive as a whole in time')
}

function admit({ table, clock, isServed, limits }: Attendance, path: string, visit: Visit): void {
  const { identity, source } = visit.visitor
  const method = METHODS.get(path)
  const states = method ? ADMITTED[method] : CURRENT_STATES
  if (states === 'anybody')
    return takeOrRefuse(limits.acceptsPerSource, source, 'invitations redeemed from your address')

  // Counted before it is decided, so that being refused is no way around the limit.
  const limit = method && isLedgerCall(method) ? limits.ledgerCallsPerPeer : limits.callsPerPeer
  takeOrRefuse(limit, visit.visitor.countedAs, 'calls')
  if (!isServed(path)) {
    throw new Refusal('METHOD_UNKNOWN', `there is no method ${path} here`, {
      next: 'list what is served: grpcurl <address> list',
    })
  }
  if (method) {
    visit.peer = peerAdmitted(identity, table, states, clock.now())
    checkContract(visit.peer)
  } else {
    visit.peer = checkAcquainted(identity, table, clock.now())
  }
}

function text(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

/** After this the connection is of no more use: with a new one the certificate is looked at anew. */
function isUntrusted(error: unknown): boolean {
  return (
    error instanceof Refusal && (error.reason === 'CERTIFICATE_NOT_TRUSTED' || error.reason === 'CERTIFICATE_REQUIRED')
  )
}
