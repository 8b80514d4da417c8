import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type { Counter, Gauge, Histogram } from 'prom-client'

/**
 * The metrics of one service.
 *
 * Asking twice for one name gives the same metric, so that two parts of a process may count into it.
 * Label values MUST come from closed sets (a method, an outcome), never from ids: each value is a series kept for ever.
 */
export type Metrics = {
  readonly counter: <L extends string = never>(name: string, help: string, labelNames?: readonly L[]) => Counter<L>
  readonly gauge: <L extends string = never>(name: string, help: string, labelNames?: readonly L[]) => Gauge<L>
  /** `buckets` are upper bounds in the unit the name says; the default suits seconds from 0.0005 to 30. */
  // oxlint-disable-next-line max-params -- as prom-client's own users write it: name, help, labels, and rarely more
  readonly histogram: <L extends string = never>(
    name: string,
    help: string,
    labelNames?: readonly L[],
    buckets?: readonly number[],
  ) => Histogram<L>
  readonly registry: Registry
}

const SECONDS_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

/** Opens an empty set of metrics; every series carries the label `service`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  const registers = [registry]
  return {
    registry,
    counter: (name, help, labelNames = []) =>
      known(registry, name, Counter) ?? new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames = []) =>
      known(registry, name, Gauge) ?? new Gauge({ name, help, labelNames, registers }),
    // oxlint-disable-next-line max-params -- as its type above
    histogram: (name, help, labelNames = [], buckets = SECONDS_BUCKETS) =>
      known(registry, name, Histogram) ?? new Histogram({ name, help, labelNames, buckets: [...buckets], registers }),
  }
}

/** The metric of that name if there is one. A name that means two kinds of metric is a bug, and is thrown. */
function known<M>(registry: Registry, name: string, kind: abstract new (...args: never[]) => M): M | undefined {
  const metric: unknown = registry.getSingleMetric(name)
  if (metric === undefined) return undefined
  if (!(metric instanceof kind)) throw new Error(`metric ${name} already exists as another kind`)
  return metric
}
