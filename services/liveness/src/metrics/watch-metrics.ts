import type { Metrics } from '@powernode/process'

/** What the loop that looks after silent peers counts; every label is of a closed set. */
export type WatchMetrics = ReturnType<typeof watchMetrics>

export function watchMetrics(metrics: Metrics) {
  return {
    ticks: metrics.counter('fed_remediation_ticks_total', 'Ticks of the loop, by how they ended', ['outcome']),
    leftOut: metrics.counter('fed_remediation_left_out_total', 'Peers that could not be looked at in a tick', []),
    tickSeconds: metrics.histogram('fed_remediation_tick_seconds', 'How long a tick took', []),
    late: metrics.gauge('fed_late_peers', 'Peers that are late: silent for over half their stale limit', []),
    watched: metrics.gauge('fed_watched_peers', 'Peers that the breaker counts', []),
    breaker: metrics.gauge('fed_remediation_breaker_open', '1 while so many are late that nobody is degraded', []),
    budget: metrics.gauge('fed_remediation_budget_left', 'Peers that may still be degraded within the hour', []),
    signals: metrics.gauge('fed_open_signals', 'Signals that are open', []),
    signalled: metrics.counter('fed_signals_total', 'Signals that opened or closed', ['change']),
    decisions: metrics.counter('fed_remediations_total', 'Decisions about signals, by what was done', ['action']),
    probes: metrics.counter('fed_peer_probes_total', 'Peers that were probed, by what came of it', ['outcome']),
    listeningAnew: metrics.counter('fed_listening_anew_total', 'How often silence began to count anew', []),
    listeningSince: metrics.gauge(
      'fed_listening_since_seconds',
      'Since when silence counts, in seconds since 1970',
      [],
    ),
  }
}
