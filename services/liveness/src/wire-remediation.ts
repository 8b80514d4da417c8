import { create } from '@bufbuild/protobuf'
import { durationMs, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import {
  ProbeSchema,
  RemediationSchema,
  RemediationSettingsSchema,
  RemediationStatusSchema,
  SignalSchema,
  type Remediation as WireRemediation,
  type RemediationSettings,
  type RemediationStatus,
  type Signal as WireSignal,
} from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Remediation } from './diary.ts'
import { budget, type Breaker, type Counts } from './remediation/breaker.ts'
import type { Listening } from './remediation/listening.ts'
import type { Signal } from './remediation/signal.ts'
import { isCertificate, isSilence, type Mode, type Settings } from './remediation/types.ts'
import { toDuration } from './wire.ts'

export function signalToWire(signal: Signal): WireSignal {
  const { id, peerId, reason, severity, fingerprint, detail, certificate, peerState, escalation } = signal
  const looked = isSilence(reason) && !signal.closedAt
  return create(SignalSchema, {
    id, peerId, reason, severity, fingerprint, detail, certificate, peerState, escalation,
    remediationId: signal.remediationId ?? '',
    openedAt: timestampFromDate(signal.openedAt),
    lastSeenAt: timestampFromDate(signal.lastSeenAt),
    ...moment('closedAt', signal.closedAt),
    ...moment('lastHeartbeatAt', signal.lastHeartbeatAt),
    ...moment('nextLookAt', looked ? signal.nextLookAt : null),
  }) // prettier-ignore
}

export function remediationToWire(entry: Remediation): WireRemediation {
  const { id, peerId, reason, verb, mode, action, whyHeld, wouldHave, detail, inputs, reachable, actor } = entry
  const remediated = action === 'rehandshaked' || action === 'degraded'
  return create(RemediationSchema, {
    id, peerId, reason, verb, mode, action, whyHeld, wouldHave, detail, inputs, reachable, actor, remediated,
    signalId: entry.signalId ?? '',
    approvalId: entry.approvalId ?? '',
    // Nobody rotates trust by himself, and what was not done is for somebody to see to.
    requiresOperatorAction: isCertificate(reason) || !remediated,
    decidedAt: timestampFromDate(entry.decidedAt),
    finishedAt: timestampFromDate(entry.finishedAt),
    ...moment('recoveredAt', entry.recoveredAt),
    probes: entry.probes.map(({ url, reachable, detail, at }) =>
      create(ProbeSchema, { url, reachable, detail, at: timestampFromDate(at) }),
    ),
  }) // prettier-ignore
}

/** How the loop stands. */
export type Status = Counts & {
  readonly mode: Mode
  readonly modeReason: string
  readonly modeBy: string
  readonly modeSince: Date | null
  readonly breaker: Breaker
  readonly latest: readonly string[]
  readonly tickTookMs: number
  readonly settings: Settings
  readonly degradedLately: number
  readonly openSignals: number
  readonly listening: Listening | undefined
}

export function statusToWire(status: Status): RemediationStatus {
  const { mode, modeReason, modeBy, breaker, late, watched, openSignals, settings, listening } = status
  return create(RemediationStatusSchema, {
    mode, modeReason, modeBy, late, watched, openSignals,
    breakerReason: breaker.reason,
    latestPeerIds: [...status.latest],
    budgetLeft: Math.max(0, budget(watched, settings) - status.degradedLately),
    listeningReason: listening?.reason ?? '',
    tickTook: toDuration(status.tickTookMs),
    settings: settingsToWire(settings),
    ...moment('modeSince', status.modeSince),
    ...moment('breakerSince', breaker.since),
    ...moment('listeningSince', listening?.since ?? null),
    ...moment('tickedAt', listening?.tickedAt ?? null),
  }) // prettier-ignore
}

const settingsToWire = ({ clockSkewMs, certWarningMs, ...rest }: Settings): RemediationSettings =>
  create(RemediationSettingsSchema, {
    ...rest,
    clockSkew: toDuration(clockSkewMs),
    certWarning: toDuration(certWarningMs),
  })

/** What was not said stays as it was. */
export function settingsFromWire(said: RemediationSettings, before: Settings): Settings {
  const { breakerShare, breakerLeast, budgetPerHour, patience, clockSkew, certWarning } = said
  return {
    breakerShare,
    breakerLeast,
    budgetPerHour,
    patience,
    clockSkewMs: clockSkew ? durationMs(clockSkew) : before.clockSkewMs,
    certWarningMs: certWarning ? durationMs(certWarning) : before.certWarningMs,
  }
}

const moment = <Key extends string>(key: Key, at: Date | null): { readonly [K in Key]?: Timestamp } =>
  at ? ({ [key]: timestampFromDate(at) } as { readonly [K in Key]: Timestamp }) : {} // the one key it was given
