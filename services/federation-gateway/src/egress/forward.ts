import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { elapsed, type Metrics } from '@powernode/process'
import { Refusal, type CallersTable } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { callPeer, errandOf, type CallParts } from './call-peer.ts'
import { forwardDiagnose } from './diagnose.ts'
import { forwardMember } from './attend-member.ts'
import { LEDGER_CALLERS } from './ledger.ts'
import type { OutParts } from './out-call.ts'
import { resourceForwarders } from './resources.ts'

/**
 * Who may call out through us. What belongs to the peering itself is said by the services that know why; operators read
 * and change what peers share with us.
 */
export const CALLERS: CallersTable<typeof FederationService> = {
  accept: ['service/peer-registry'],
  heartbeat: ['service/liveness'],
  getTrustBundle: ['service/peer-registry'],
  publishTrustBundle: ['service/peer-registry'],
  renewCertificate: ['service/peer-registry'],
  notifyRevocation: ['service/peer-registry'],
  notifyCompromise: ['service/peer-registry'],
  diagnose: ['service/liveness', 'system.federation.read'],
  listResources: ['system.federation.read'],
  getResource: ['system.federation.read'],
  updateResource: ['system.federation_resources.manage'],
  watchResources: ['system.federation.read'],
  checkAccess: ['system.federation.read'],
  notifyGrant: ['service/grant-authz'],
  notifyRelationship: ['service/peer-registry'],
  enrollNode: ['service/node-agent'],
  attendMember: ['service/node-agent'],
  exchangeOverlay: ['service/sdwan-compiler'],
  ...LEDGER_CALLERS,
}

export type ForwardParts = CallParts & OutParts & { readonly metrics: Metrics }

/** Counts and times a call to a peer, whatever becomes of it. */
export type Measured = <T>(rpc: string, work: () => Promise<T>) => Promise<T>

/** Calls of our own services to peers: which peer ▸ may it be called so ▸ over the border, with the same request id and trace. */
export function forwarders(parts: ForwardParts): ServiceImpl<typeof FederationService> {
  const { method } = FederationService
  const measured = measure(parts.metrics)

  function forward<I extends DescMessage, O extends DescMessage>(desc: DescMethodUnary<I, O>) {
    return (request: MessageShape<I>, context: HandlerContext): Promise<MessageShape<O>> =>
      measured(`${desc.parent.typeName}/${desc.name}`, async () =>
        callPeer(parts, await errandOf(parts, desc, context), { method: desc, request }),
      )
  }

  return {
    ...resourceForwarders(parts, measured),
    accept: forward(method.accept),
    heartbeat: forward(method.heartbeat),
    getTrustBundle: forward(method.getTrustBundle),
    publishTrustBundle: forward(method.publishTrustBundle),
    renewCertificate: forward(method.renewCertificate),
    notifyRevocation: forward(method.notifyRevocation),
    notifyCompromise: forward(method.notifyCompromise),
    diagnose: (request, context) =>
      measured(`${FederationService.typeName}/${method.diagnose.name}`, () => forwardDiagnose(parts, request, context)),
    notifyGrant: forward(method.notifyGrant),
    notifyRelationship: forward(method.notifyRelationship),
    addCheckpoint: forward(method.addCheckpoint),
    addEntries: forward(method.addEntries),
    readMirror: forward(method.readMirror),
    listAuditExcerpts: forward(method.listAuditExcerpts),
    getReceipt: forward(method.getReceipt),
    enrollNode: forward(method.enrollNode),
    exchangeOverlay: forward(method.exchangeOverlay),
    attendMember: (requests, context) => forwardMember(parts, requests, context),
  }
}

function measure(metrics: Metrics): Measured {
  const calls = metrics.counter('fed_gateway_outbound_calls_total', 'Calls to peers by outcome', ['rpc', 'outcome'])
  const duration = metrics.histogram('fed_gateway_outbound_call_duration_seconds', 'How long calls to peers took', [
    'rpc',
  ])
  return async (rpc, work) => {
    const time = elapsed()
    try {
      const answer = await work()
      calls.inc({ rpc, outcome: 'ok' })
      return answer
    } catch (error) {
      calls.inc({ rpc, outcome: error instanceof Refusal ? error.reason : 'fault' })
      throw error
    } finally {
      duration.observe({ rpc }, time() / 1_000)
    }
  }
}
