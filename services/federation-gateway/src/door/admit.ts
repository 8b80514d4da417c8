import type { Clock } from '@powernode/clock'
import { Refusal, takeOrRefuse, type RateLimit } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { CallLimits } from '../limits.ts'
import { versionObjection } from '../peers/by-version.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import { ADMITTED, checkAcquainted, checkContract, CURRENT_STATES, peerAdmitted } from './admission.ts'
import type { Arrivals } from './arrivals.ts'
import { isLedgerCall } from './ledger.ts'
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
  readonly calls: Pick<CallLimits, 'messageBytes' | 'defaultDeadlineMs' | 'maxDeadlineMs'>
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
export const REFUSED_GRACE_MS = 1_000

/**
 * A message is not waited for longer than it may take. Whoever dawdles loses its connection: half a message is held in
 * memory until then, and a hostile peer could have thousands of them.
 */
export function dawdled(): Refusal {
  return new Refusal('DEADLINE_EXCEEDED', 'the request did not arrive as a whole in time')
}

export function admit({ table, clock, isServed, limits }: Attendance, path: string, visit: Visit): void {
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
    const objection = versionObjection(visit.peer, method)
    if (objection) throw objection
  } else {
    visit.peer = checkAcquainted(identity, table, clock.now())
  }
}

/** After this the connection is of no more use: with a new one the certificate is looked at anew. */
export function isUntrusted(error: unknown): boolean {
  return (
    error instanceof Refusal && (error.reason === 'CERTIFICATE_NOT_TRUSTED' || error.reason === 'CERTIFICATE_REQUIRED')
  )
}
