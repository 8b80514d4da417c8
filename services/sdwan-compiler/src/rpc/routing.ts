import { fromBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { ReportNodeRequestSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { FailOverVirtualIpRequestSchema, type FailOverVirtualIpRequest, type SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts' // prettier-ignore
import { requestOf } from '@powernode/rpc'
import { failOver } from '../operations/fail-over.ts'
import { routingSummaryOf } from '../routing-summary.ts'
import * as nodes from '../store/nodes.ts'
import { actOrRehearse, look, networkNow, type RpcDeps } from './door.ts'
import { networkNamed } from '../named.ts'

type Handlers = Pick<ServiceImpl<typeof SdwanService>, 'getRoutingSummary' | 'failOverVirtualIp'>

export const FAIL_OVER = 'system.sdwan_vip_failover'

/** Where packets go, and who takes an address over. */
export const routingHandlers = (deps: RpcDeps): Handlers => ({
  async getRoutingSummary({ network: named }) {
    const network = await networkNow(deps)
    const { id } = networkNamed(network.intent, named)
    const rows = await look(deps, (tx) => nodes.list(tx))
    const reports = rows.flatMap(({ nodeId, report, reportedAt }) => (reportedAt ? [{ nodeId, report: fromBinary(ReportNodeRequestSchema, report), at: reportedAt }] : [])) // prettier-ignore
    const { routes, measuredAt } = routingSummaryOf(network, id, reports)
    return { bgpRoutes: [...routes], ...(measuredAt && { measuredAt: timestampFromDate(measuredAt) }) }
  },

  async failOverVirtualIp(req, context) {
    const by = requestOf(context)
    const doing = failing(deps, req, by)
    const rehearsed = async () => [`plan ${(await actOrRehearse(deps, true, doing)).plan?.sha256}`]
    await deps.gate.pass(context, { action: FAIL_OVER, schema: FailOverVirtualIpRequestSchema, request: req, summary: `virtual IP ${req.virtualIpId} passes on: ${req.reason || 'no reason given'}`, effects: rehearsed }) // prettier-ignore
    const { virtualIp, plan, network } = await actOrRehearse(deps, req.dryRun, doing)
    if (!req.dryRun) deps.compiler.keep(network)
    return { virtualIp, ...(plan && { plan }) }
  },
})

type Deps = Pick<RpcDeps, 'compiler' | 'sealing' | 'config'>

/** As the RPC and an approval do it. */
export const failing =
  (
    { compiler, sealing, config }: Deps,
    { virtualIpId, reason }: FailOverVirtualIpRequest,
    by: ReturnType<typeof requestOf> | { actor: string; requestId: string },
  ) =>
  // prettier-ignore
  (...[tx, now]: Parameters<Parameters<typeof look<Awaited<ReturnType<typeof failOver>>>>[1]>) =>
    failOver(tx, now, { by, virtualIpId, reason, compiler, sealing, accountId: config.trustDomain })
