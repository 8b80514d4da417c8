import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import {
  BreakerClosedSchema,
  BreakerOpenedSchema,
  CertRotationRequiredSchema,
  ListeningAnewSchema,
  PeerRehandshakedSchema,
  PeerUnreachableSchema,
  RemediationDecidedSchema,
  RemediationModeSetSchema,
  SignalClosedSchema,
  SignalOpenedSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import type { Remediation } from '../diary.ts'
import type { Freshness } from '../freshness.ts'
import type { Signal } from '../remediation/signal.ts'
import type { Severity } from '../remediation/types.ts'
import { remediationToWire, signalToWire, statusToWire, type Status } from '../wire-remediation.ts'
import { toWire } from '../wire.ts'

const US = 'service/liveness'

/** Something is wrong with a peering. */
export function signalOpened(signal: Signal, at: Date): Announcement {
  const payload = create(SignalOpenedSchema, { signal: signalToWire(signal) })
  const { severity } = signal
  return { ...about(signal, 'signalled'), kind: 'system.federation_peer_liveness', severity, actor: US, at, payload }
}

/** It is no longer so. */
export function signalClosed(signal: Signal, at: Date): Announcement {
  const payload = create(SignalClosedSchema, { signal: signalToWire(signal) })
  return {
    ...about(signal, 'signal_closed'),
    kind: 'federation.signal.closed',
    severity: 'low',
    actor: US,
    at,
    payload,
  }
}

/** What was decided, in the word for what came of it. */
export type Decided = { readonly entry: Remediation; readonly severity: Severity }

/** A peer that was active is so no longer. Heard by peer-registry, which moves it. */
export function peerUnreachable({ entry }: Decided, freshness: Freshness, at: Date): Announcement {
  const payload = create(PeerUnreachableSchema, {
    remediation: remediationToWire(entry),
    freshness: toWire(freshness, at),
  })
  const kind = 'federation.peer.unreachable'
  return { ...about(entry, 'unreachable'), kind, severity: 'high', actor: entry.actor, at, payload }
}

/** A silent peer answers a probe. */
export function peerRehandshaked({ entry }: Decided, at: Date): Announcement {
  const payload = create(PeerRehandshakedSchema, { remediation: remediationToWire(entry) })
  const kind = 'federation.peer.rehandshaked'
  return { ...about(entry, 'rehandshaked'), kind, severity: 'medium', actor: entry.actor, at, payload }
}

/** A certificate ends, or has ended: somebody has to rotate it. */
export function certRotationRequired({ entry, severity }: Decided, signal: Signal | undefined, at: Date): Announcement {
  const payload = create(CertRotationRequiredSchema, {
    remediation: remediationToWire(entry),
    ...(signal && { signal: signalToWire(signal) }),
  })
  const kind = 'federation.peer.cert_rotation_required'
  return { ...about(entry, 'cert_rotation_required'), kind, severity, actor: entry.actor, at, payload }
}

/** A decision after which nothing was done to the peer. */
export function remediationDecided({ entry, severity }: Decided, at: Date): Announcement {
  const payload = create(RemediationDecidedSchema, { remediation: remediationToWire(entry) })
  const kind = 'federation.remediation.decided'
  return { ...about(entry, 'remediation_decided'), kind, severity, actor: entry.actor, at, payload }
}

/** News of the loop itself: it is ours, and of no peer. */
export type LoopNews = { readonly platformId: string; readonly status: Status; readonly actor?: string }

/** So many are late at once that it is us. */
export function breakerOpened({ platformId, status }: LoopNews, at: Date): Announcement {
  const payload = create(BreakerOpenedSchema, { status: statusToWire(status) })
  const kind = 'federation.remediation.breaker_opened'
  return { ...ours(platformId, 'breaker_opened'), kind, severity: 'critical', actor: US, at, payload }
}

export function breakerClosed({ platformId, status }: LoopNews, at: Date): Announcement {
  const payload = create(BreakerClosedSchema, { status: statusToWire(status) })
  const kind = 'federation.remediation.breaker_closed'
  return { ...ours(platformId, 'breaker_closed'), kind, severity: 'medium', actor: US, at, payload }
}

/** We did not listen for a while, and silence counts anew. */
export function listeningAnew({ platformId, status }: LoopNews, at: Date): Announcement {
  const payload = create(ListeningAnewSchema, { status: statusToWire(status) })
  const kind = 'federation.platform.listening_anew'
  return { ...ours(platformId, 'listening_anew'), kind, severity: 'medium', actor: US, at, payload }
}

/** An operator said what the loop may do. */
export function remediationModeSet({ platformId, status, actor = US }: LoopNews, at: Date): Announcement {
  const payload = create(RemediationModeSetSchema, { status: statusToWire(status) })
  const kind = 'federation.remediation.mode_set'
  return { ...ours(platformId, 'remediation_mode_set'), kind, severity: 'medium', actor, at, payload }
}

const about = ({ peerId }: { readonly peerId: string }, word: string) =>
  ({ noun: 'liveness', word, id: peerId, peerId }) as const

const ours = (id: string, word: string) => ({ noun: 'liveness', word, id }) as const
