import { testListener } from '@powernode/postgres/testing'
import { createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect'
import { createLogger, createMetrics } from '@powernode/process'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { toConnectError } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { driveAcceptances, type DriveDeps } from '../src/acceptance/drive-acceptances.ts'
import { SCHEMA, type TestPlatform } from './platform.ts'

/** What the neighbours of the skill answer, as far as a test says. */
export type Answers = {
  readonly grants?: Partial<ServiceImpl<typeof GrantAuthzService>>
  readonly network?: Partial<ServiceImpl<typeof SdwanService>>
  readonly governance?: Partial<ServiceImpl<typeof GovernanceService>>
}

/** What a process that goes on with acceptances stands on; its neighbours answer as the test says. */
export function acceptanceDeps(of: TestPlatform, answers: () => Answers): DriveDeps {
  const said = answers()
  const transport = createRouterTransport(
    ({ service }) => {
      service(GrantAuthzService, partly(GrantAuthzService, { reviewPeer: () => ({}), listBridges: () => ({}), ...said.grants })) // prettier-ignore
      service(SdwanService, partly(SdwanService, said.network ?? {}))
      service(GovernanceService, partly(GovernanceService, { scanGovernance: () => ({}), ...said.governance }))
    },
    { router: { interceptors: [(next) => (req) => next(req).catch((error: unknown) => Promise.reject(toConnectError(error)))] } }, // prettier-ignore
  )
  return {
    db: of.db,
    listener: testListener({ url: of.url, schema: SCHEMA }),
    us: of.us,
    clock: of.clock,
    logger: createLogger('acceptances', { level: 'silent' }),
    metrics: createMetrics('acceptances'),
    grants: createClient(GrantAuthzService, transport),
    network: createClient(SdwanService, transport),
    governance: createClient(GovernanceService, transport),
  }
}

/** Goes on with a platform's acceptances until told to end. */
export function startAcceptances(of: TestPlatform, answers: () => Answers = () => ({})) {
  const stop = new AbortController()
  const running = driveAcceptances(acceptanceDeps(of, answers), stop.signal)
  return async () => {
    stop.abort()
    await running
  }
}
