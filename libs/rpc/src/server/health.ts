import type { ServiceImpl } from '@connectrpc/connect'
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { Refusal } from '../errors/refusal.ts'
import { mountForEverybody, type Mount } from './mount.ts'
import { until } from './until.ts'

/** What a server says when asked whether it is well (grpc.health.v1). */
export type Health = {
  /** Says of one service, or of the whole server under '', whether it can do its work now. */
  readonly set: (service: string, serving: boolean) => void
  /** Says that nothing is served any more. */
  readonly stop: () => void
  readonly mount: (services: readonly string[]) => Mount
}

/** A server is well from its first moment unless somebody says otherwise. */
export function createHealth(): Health {
  const serving = new Map<string, boolean>([['', true]])
  let change = Promise.withResolvers<void>()

  function changed(): void {
    change.resolve()
    change = Promise.withResolvers()
  }

  const statusOf = (service: string) => {
    const known = serving.get(service)
    return known === undefined ? Status.SERVICE_UNKNOWN : known ? Status.SERVING : Status.NOT_SERVING
  }

  const handlers: ServiceImpl<typeof HealthService> = {
    check: ({ service }) => {
      const status = statusOf(service)
      if (status === Status.SERVICE_UNKNOWN) throw new Refusal('SERVICE_UNKNOWN', `${service} is not served here`)
      return { status }
    },
    /** Says how things are, and again at every change. A service that is not served is answered, as the protocol wants. */
    async *watch({ service }, { signal }) {
      for (let said: Status | undefined; ;) {
        const next = change.promise
        const status = statusOf(service)
        if (status !== said) yield { status: (said = status) }
        await until(signal, next)
      }
    },
  }

  return {
    set(service, well) {
      serving.set(service, well)
      changed()
    },
    stop() {
      for (const service of serving.keys()) serving.set(service, false)
      changed()
    },
    mount(services) {
      for (const service of services) if (!serving.has(service)) serving.set(service, true)
      return mountForEverybody(HealthService, handlers)
    },
  }
}
