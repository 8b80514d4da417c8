import type { Metrics } from '@powernode/process'
import { SEVERITIES, type Severity } from '../findings/finding.ts'

export type GovernanceMetrics = ReturnType<typeof governanceMetrics>

/** What the replica that looks says of its looks. */
export function governanceMetrics(metrics: Metrics) {
  const open = metrics.gauge('fed_findings', 'Findings of governance that are open', ['severity'])
  const took = metrics.gauge('fed_governance_scan_seconds', 'How long the last look at all peerings took', [])
  const unread = metrics.gauge('fed_governance_unread_services', 'Services that did not answer the last look', [])
  return {
    looked(
      counts: Readonly<Partial<Record<Severity, number>>>,
      last: { readonly ms: number; readonly unread: number },
    ) {
      for (const severity of SEVERITIES) open.set({ severity }, counts[severity] ?? 0)
      took.set({}, last.ms / 1_000)
      unread.set({}, last.unread)
    },
  }
}
