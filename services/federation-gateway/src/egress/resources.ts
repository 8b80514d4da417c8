import { isMessage, type DescMessage, type DescMethodUnary, type Message, type MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { isScope } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  GetResourceResponseSchema,
  ListResourcesResponseSchema,
  UpdateResourceResponseSchema,
  type Resource,
} from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { checkAsAsked } from './as-asked.ts'
import { callPeer, errandOf, type CallParts } from './call-peer.ts'
import type { Measured } from './forward.ts'
import { OutCall, type OutParts, type OutWanted } from './out-call.ts'
import { forwardWatch } from './watch-resources.ts'

type Handlers = Pick<
  ServiceImpl<typeof FederationService>,
  'listResources' | 'getResource' | 'updateResource' | 'watchResources' | 'checkAccess'
>

const { method } = FederationService

/** Calls of ours for what peers show of their resources, each with its decision on record. */
export function resourceForwarders(parts: CallParts & OutParts, measured: Measured): Handlers {
  /** `sends`: the message holds data of ours, so it is decided about before it leaves, and it is not sent twice. */
  function ask<I extends DescMessage, O extends DescMessage>(
    desc: DescMethodUnary<I, O>,
    wantedBy: (request: MessageShape<I>) => Omit<OutWanted, 'rpc'>,
    { sends = false } = {},
  ) {
    const askPeer = async (request: MessageShape<I>, context: HandlerContext): Promise<MessageShape<O>> => {
      const wanted = { rpc: desc.name, ...wantedBy(request) }
      const errand = await errandOf(parts, desc, context, wanted)
      const out = new OutCall(parts, errand, wanted)
      const beside = { headers: await out.headers(), leaving: out.leaving, repeatable: !sends }
      if (sends) await out.maySend() // as late as can be: what is decided here is what leaves
      const asked = callPeer(parts, errand, { method: desc, request }, beside).then((answer) => {
        checkAsAsked(resourcesIn(answer), wanted)
        return answer
      })
      const answer = await orRefused(out, asked)
      // Every answer of these calls has the peer's id of its decision; our caller gets ours, which leads to it.
      await out.allowed('decisionId' in answer ? String(answer.decisionId) : '')
      return { ...answer, decisionId: out.id }
    }
    return (request: MessageShape<I>, context: HandlerContext) =>
      measured(`${desc.parent.typeName}/${desc.name}`, () => askPeer(request, context))
  }

  return {
    listResources: ask(method.listResources, ({ kind }) => ({ kind, id: '', scope: 'read' })),
    getResource: ask(method.getResource, ({ kind, id }) => ({ kind, id, scope: 'read' })),
    updateResource: ask(method.updateResource, ({ kind, id }) => ({ kind, id, scope: 'write' }), { sends: true }),
    checkAccess: ask(method.checkAccess, ({ kind, id, scope }) => {
      if (!isScope(scope)) throw new Refusal('REQUEST_INVALID', 'there is no such scope')
      return { kind, id, scope }
    }),
    watchResources: (request, context) => forwardWatch(parts, request, context),
  }
}

/** What a peer, or the road to it, said no with is on record when our caller hears of it. */
async function orRefused<T>(out: OutCall, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw await out.refused(error)
  }
}

/** What is shown in an answer of any of these calls; one that shows none where there has to be one shows undefined. */
function resourcesIn(answer: Message): readonly (Resource | undefined)[] {
  if (isMessage(answer, ListResourcesResponseSchema)) return answer.resources
  const isOne = isMessage(answer, GetResourceResponseSchema) || isMessage(answer, UpdateResourceResponseSchema)
  return isOne ? [answer.resource] : []
}
