import { create, fromBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { ReportNodeRequestSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { NodeSchema, type SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { anyOf, itemOf } from '../intent/to-wire.ts'
import { explain } from '../model/explain.ts'
import { runTests } from '../model/run-tests.ts'
import type { Network } from '../network.ts'
import { readStanding } from '../operations/read-standing.ts'
import * as nodes from '../store/nodes.ts'
import { topologyOf } from '../topology.ts'
import { stateToWire } from '../wire-node.ts'
import { look, networkNow, pageOf, type RpcDeps } from './door.ts'
import { networkNamed } from '../named.ts'

type Handlers = Pick<ServiceImpl<typeof SdwanService>, 'explain' | 'runTests' | 'compileNode' | 'getTopology' | 'listNodes'> // prettier-ignore

/** What follows from intent, and what agents say of it. */
export const lookingHandlers = (deps: RpcDeps): Handlers => ({
  async explain({ src, dst, protocol, port }) {
    const network = await networkNow(deps)
    const answer = explain(deps.compiler.modelOf(network), { src, dst, protocol: PROTOCOLS[protocol] ?? 'tcp', port })
    if ('unknown' in answer) throw new Refusal('PLACE_UNKNOWN', answer.unknown, { next: 'fedctl net member list' })
    const hops = answer.hops.map(({ nodeId, rules, ...hop }) => ({ ...hop, nodeInstanceId: nodeId, rules: rules.map((rule) => ({ ...rule })) })) // prettier-ignore
    return { reachable: answer.reachable, hops, verdict: answer.verdict }
  },

  async runTests() {
    const network = await networkNow(deps)
    const tests = network.world.tests.length > 0 ? runTests(deps.compiler.modelOf(network)) : []
    return { tests: tests.map((test) => ({ ...test })) }
  },

  async compileNode({ nodeInstanceId }) {
    const network = await networkNow(deps)
    const states = nodeInstanceId === '' ? versionsOf(network) : [stateToWire(planOf(network, nodeInstanceId))]
    const warnings = network.plan.problems.map(({ code, record, message }) => `${code} ${record}: ${message}`)
    return { states, warnings, compiledAt: timestampFromDate(deps.clock.now()) }
  },

  async getTopology({ network: named }) {
    const network = await networkNow(deps)
    const record = networkNamed(network.intent, named)
    const standing = await look(deps, (tx, now) => readStanding(tx, now, { network }))
    const item = itemOf(anyOf('network', record), standing)
    return {
      ...(item.kind.case === 'network' && { network: item.kind.value }),
      ...topologyOf(network, record.id, (id) => standing.memberStatus(id).status),
    }
  },

  async listNodes(page) {
    const network = await networkNow(deps)
    const said = new Map((await look(deps, (tx) => nodes.list(tx))).map((row) => [row.nodeId, row]))
    const ids = [...new Set([...network.plan.nodes.keys(), ...said.keys()])].toSorted()
    const { items, nextPageToken } = pageOf(ids, page, (id) => id)
    return {
      nextPageToken,
      nodes: items.map((id) => {
        const row = said.get(id)
        return create(NodeSchema, {
          nodeInstanceId: id,
          desiredVersion: network.plan.nodes.get(id)?.version ?? '',
          ...(row?.reportedAt && {
            report: fromBinary(ReportNodeRequestSchema, row.report),
            reportedAt: timestampFromDate(row.reportedAt),
          }),
        })
      }),
    }
  },
})

const PROTOCOLS: Readonly<Record<string, 'tcp' | 'udp' | 'icmp6'>> = { tcp: 'tcp', udp: 'udp', icmp6: 'icmp6' }

/** Of all nodes at once only what tells them apart. */
const versionsOf = ({ plan }: Network) => [...plan.nodes.values()].map(({ nodeId, version }) => ({ nodeInstanceId: nodeId, version })) // prettier-ignore

function planOf({ plan }: Network, nodeId: string) {
  const found = plan.nodes.get(nodeId)
  if (found) return found
  throw new Refusal('NODE_NOT_FOUND', `no network has node ${nodeId} as a member`, { next: 'fedctl net member list' })
}
