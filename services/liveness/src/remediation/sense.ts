import { BEATING, type PeerState } from '../announcement.ts'
import { type Freshness, type Hearing } from '../freshness.ts'
import { SILENCE } from './decide.ts'
import type { Reason, Settings, Severity } from './types.ts'

/** A certificate that vouches for the peer, or for us there. */
export type CertificateEnd = {
  /** `root <sha-256>` of theirs, `leaf <serial>` that they signed for us. */
  readonly certificate: string
  readonly notBefore: Date | undefined
  readonly notAfter: Date
}

/** All that the sensor looks at, of one peer. */
export type Evidence = {
  readonly state: PeerState
  readonly freshness: Freshness
  /** Since when beats are expected; null: since ever. */
  readonly expectedSince: Date | null
  readonly certificates: readonly CertificateEnd[]
}

/** What holds for all peers alike. */
export type Ground = { readonly now: Date; readonly listeningSince: Date; readonly settings: Settings }

/** What is wrong with a peering now. */
export type Sensed = {
  readonly reason: Reason
  readonly severity: Severity
  readonly fingerprint: string
  readonly detail: string
  readonly certificate: string
}

/** How long each direction has been silent while we listened and beats were expected. */
export type Quiet = {
  readonly hearing: Hearing
  readonly theirsMs: number
  readonly oursMs: number
  readonly longestMs: number
}

/** A restored peer is a signal for this long. */
const RESTORED_FOR_MS = 3_600_000
/** Beats within so much are one trouble (the source documents' fingerprint). */
const SAME_TROUBLE_S = 300

/** What is wrong with a peering. Reads, decides nothing, and says the same of the same trouble. */
export function sense(evidence: Evidence, ground: Ground): readonly Sensed[] {
  return [...senseSilence(evidence, ground), ...senseBeats(evidence, ground), ...senseCertificates(evidence, ground)]
}

/** How long it has been quiet. What was said before we listened counts as heard when we began to. */
export function quiet(
  { freshness, expectedSince }: Evidence,
  { now, listeningSince }: Omit<Ground, 'settings'>,
): Quiet {
  const from = Math.max(listeningSince.getTime(), expectedSince?.getTime() ?? -Infinity)
  const since = (at: Date | null) => Math.max(0, now.getTime() - Math.max(at?.getTime() ?? -Infinity, from))
  const { lastHeardAt, lastHeardByThemAt, staleAfterMs } = freshness
  const [theirsMs, oursMs] = [since(lastHeardAt), since(lastHeardByThemAt)]
  const [weHear, theyHear] = [theirsMs < staleAfterMs, oursMs < staleAfterMs]
  const never = !lastHeardAt && !lastHeardByThemAt
  const none = never ? 'never' : 'neither'
  const hearing = weHear ? (theyHear ? 'both' : 'we_hear_them') : theyHear ? 'they_hear_us' : none
  return { hearing, theirsMs, oursMs, longestMs: Math.max(theirsMs, oursMs) }
}

/** Silent for over half its stale limit, in either direction: what the breaker counts. */
export const isLate = (evidence: Evidence, ground: Omit<Ground, 'settings'>): boolean =>
  quiet(evidence, ground).longestMs > evidence.freshness.staleAfterMs / 2

function senseSilence(evidence: Evidence, ground: Ground): readonly Sensed[] {
  const { state, freshness } = evidence
  if (!BEATING.includes(state)) return []
  const { hearing } = quiet(evidence, ground)
  if (hearing === 'both') return []
  const reason: Reason = hearing === 'neither' || hearing === 'never' ? 'heartbeat_stale' : 'one_way'
  const lastMs = freshness.lastHeardAt?.getTime()
  const bucket = lastMs === undefined ? 'never' : Math.floor(lastMs / 1_000 / SAME_TROUBLE_S)
  return [
    {
      reason,
      severity: state === 'active' ? 'high' : 'medium',
      fingerprint: `federation_peer_liveness:${reason}:${freshness.peerId}:${bucket}`,
      detail: SILENCE[hearing],
      certificate: '',
    },
  ]
}

/** What beats tell besides that they arrive: a clock that is off, a peer that was restored from a backup. */
function senseBeats({ state, freshness }: Evidence, { now, settings }: Ground): readonly Sensed[] {
  if (!BEATING.includes(state)) return []
  const { peerId, clockOffsetMs, restoredAt } = freshness
  const found: Sensed[] = []
  if (clockOffsetMs !== null && Math.abs(clockOffsetMs) > settings.clockSkewMs) {
    const way = clockOffsetMs > 0 ? 'ahead of' : 'behind'
    const detail = `their clock is ${Math.round(Math.abs(clockOffsetMs) / 1_000)} s ${way} ours`
    found.push({
      reason: 'clock_skew',
      severity: 'medium',
      fingerprint: plain('clock_skew', peerId),
      detail,
      certificate: '',
    })
  }
  if (restoredAt && now.getTime() - restoredAt.getTime() < RESTORED_FOR_MS) {
    const detail = 'it knows less than it did, by its epoch or its bookmark: it was restored from a backup'
    const fingerprint = plain('epoch_regression', peerId)
    found.push({ reason: 'epoch_regression', severity: 'high', fingerprint, detail, certificate: '' })
  }
  return found
}

function senseCertificates({ state, freshness, certificates }: Evidence, { now, settings }: Ground): readonly Sensed[] {
  if (state === 'revoked') return []
  const { expired, expiring } = endsOf(certificates, now, settings)
  const say = (reason: Reason, severity: Severity, end: CertificateEnd | undefined): readonly Sensed[] => {
    if (!end) return []
    const detail = `${end.certificate} ${reason === 'cert_expired' ? 'ended' : 'ends'} at ${end.notAfter.toISOString()}`
    return [{ reason, severity, fingerprint: plain(reason, freshness.peerId), detail, certificate: end.certificate }]
  }
  return [...say('cert_expired', 'high', expired), ...say('cert_expiring', 'medium', expiring)]
}

/**
 * Of each sort the certificate that lasts longest, for while it lasts the others may go; and of those that end, for each reason
 * the one that ends first. One that lives for less than three times the warning is renewed by itself in the last third of its
 * life, and is about to end no sooner.
 */
export function endsOf(
  certificates: readonly CertificateEnd[],
  now: Date,
  { certWarningMs }: Pick<Settings, 'certWarningMs'>,
): { readonly expired: CertificateEnd | undefined; readonly expiring: CertificateEnd | undefined } {
  const sorts = Map.groupBy(certificates, ({ certificate }) => certificate.split(' ')[0])
  const ends = [...sorts.values()]
    .flatMap((sort) => sort.toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime()).slice(0, 1))
    .sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime())
  const warnMs = ({ notBefore, notAfter }: CertificateEnd): number =>
    notBefore ? Math.min(certWarningMs, (notAfter.getTime() - notBefore.getTime()) / 3) : certWarningMs
  return {
    expired: ends.find(({ notAfter }) => notAfter <= now),
    expiring: ends.find((end) => end.notAfter > now && end.notAfter.getTime() - now.getTime() <= warnMs(end)),
  }
}

const plain = (reason: Reason, peerId: string): string => `federation_peer_liveness:${reason}:${peerId}`
