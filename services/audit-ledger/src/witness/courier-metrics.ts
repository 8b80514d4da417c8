import type { Counter, Histogram, Metrics } from '@powernode/process'

export type CourierMetrics = {
  readonly cosignedAfter: Histogram
  readonly deliveries: Counter<'witness' | 'outcome'>
}

export const courierMetrics = (metrics: Metrics): CourierMetrics => ({
  cosignedAfter: metrics.histogram(
    'fed_audit_cosigned_after_seconds',
    'From our signature under a checkpoint to that of a witness',
  ),
  deliveries: metrics.counter('fed_audit_deliveries_total', 'Checkpoints shown to witnesses', ['witness', 'outcome']),
})
