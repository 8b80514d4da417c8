import type { Metrics } from '@powernode/process'
import type { Recorded } from '../operations/record-beats.ts'

/** What liveness counts; every label is of a closed set. */
export type BeatMetrics = ReturnType<typeof beatMetrics>

export function beatMetrics(metrics: Metrics) {
  return {
    heartbeats: metrics.counter('fed_heartbeats_total', 'Beats heard (in) and sent (out), by what came of them', [
      'direction',
      'outcome',
    ]),
    roundTrip: metrics.histogram('fed_peer_heartbeat_rtt_seconds', 'Time between a beat of ours and its answer', []),
    clockOffset: metrics.histogram(
      'fed_peer_clock_offset_seconds',
      'How far a peer clock is from ours, either way',
      [],
      [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 30, 60, 300, 3_600],
    ),
    dataAge: metrics.gauge('fed_peer_data_age_seconds', 'Age of what we know of peers that count as heard', [
      'direction',
      'share',
    ]),
    transitions: metrics.counter('fed_peer_transitions_total', 'Peers that fell silent, and corrections announced', [
      'kind',
    ]),
    peers: metrics.gauge('fed_beating_peers', 'Peers this replica beats; 0 on all but one', []),
    inFlight: metrics.gauge('fed_heartbeats_in_flight', 'Beats of ours that wait for an answer', []),
    epoch: metrics.gauge('fed_platform_epoch', 'Our epoch, as our beats carry it', []),
  }
}

export type Outcome = Recorded['outcome']
