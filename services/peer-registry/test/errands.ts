import { testListener } from '@powernode/postgres/testing'
import { createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect'
import { createLogger, createMetrics } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { toConnectError } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { runErrands } from '../src/errands/run-errands.ts'
import { SCHEMA, type TestPlatform } from './platform.ts'

/** Runs a platform's errands; the gateway between is whatever the test says it answers. */
export function startErrands(
  of: TestPlatform,
  gateway: Partial<ServiceImpl<typeof FederationService>>,
  provisioner: Partial<ServiceImpl<typeof SpawnService>> = {},
) {
  const stop = new AbortController()
  const transport = createRouterTransport(
    ({ service }) => {
      service(FederationService, partly(FederationService, gateway))
      service(SpawnService, partly(SpawnService, provisioner))
    },
    { router: { interceptors: [(next) => (req) => next(req).catch((error: unknown) => Promise.reject(toConnectError(error)))] } }, // prettier-ignore
  )
  const running = runErrands(
    {
      db: of.db,
      listener: testListener({ url: of.url, schema: SCHEMA }),
      us: of.us,
      clock: of.clock,
      logger: createLogger('errands', { level: 'silent' }),
      metrics: createMetrics('errands'),
      federation: createClient(FederationService, transport),
      spawns: createClient(SpawnService, transport),
      jitter: () => 0,
    },
    stop.signal,
  )
  return async () => {
    stop.abort()
    await running
  }
}
