import type { Metrics } from '@powernode/process'
import type { Stretch } from '../figures/sight.ts'

export type LevelMetrics = ReturnType<typeof levelMetrics>

/** What all peerings come to together: availability is how fast the fresh time grows beside the watched. Counted by one replica. */
export function levelMetrics(metrics: Metrics) {
  const watched = metrics.counter('fed_peering_watched_seconds_total', 'How long peerings were watched, all together', []) // prettier-ignore
  const fresh = metrics.counter(
    'fed_peering_fresh_seconds_total',
    'Of the watched time, how long beats were fresh: both ways, theirs here, ours there',
    ['direction'],
  )
  const silences = metrics.counter('fed_peering_silences_total', 'How often a peering fell silent', [])
  return {
    watched(stretch: Stretch): void {
      watched.inc({}, stretch.watchedMs / 1_000)
      fresh.inc({ direction: 'both' }, stretch.bothMs / 1_000)
      fresh.inc({ direction: 'heard' }, stretch.heardMs / 1_000)
      fresh.inc({ direction: 'heard_by_them' }, stretch.heardByThemMs / 1_000)
      if (stretch.silences > 0) silences.inc({}, stretch.silences)
    },
  }
}
