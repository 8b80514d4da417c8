import type { Announcement } from '@powernode/events'
import type { Remediation } from '../diary.ts'
import type { Freshness } from '../freshness.ts'
import type { Signal } from '../remediation/signal.ts'
import { isCertificate, type Severity } from '../remediation/types.ts'
import { certRotationRequired, peerRehandshaked, peerUnreachable, remediationDecided } from './remediation.ts'

export type DecisionNews = {
  readonly entry: Remediation
  readonly severity: Severity
  readonly signal: Signal | undefined
  readonly freshness: Freshness
}

/**
 * The news of a decision, by what came of it. Of peers that the breaker holds nobody is told one by one: that it opened is the
 * news, and it is one.
 */
export function newsOf({ entry, severity, signal, freshness }: DecisionNews, at: Date): readonly Announcement[] {
  if (isCertificate(entry.reason)) return [certRotationRequired({ entry, severity }, signal, at)]
  if (entry.action === 'degraded') return [peerUnreachable({ entry, severity }, freshness, at)]
  if (entry.action === 'rehandshaked') return [peerRehandshaked({ entry, severity }, at)]
  return entry.whyHeld === 'breaker' ? [] : [remediationDecided({ entry, severity }, at)]
}
