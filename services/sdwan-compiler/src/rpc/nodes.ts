import { create, toBinary } from '@bufbuild/protobuf'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { ReportNodeRequestSchema, type NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { callerOf } from '@powernode/rpc'
import type { Network } from '../network.ts'
import { confirmState } from '../operations/confirm-state.ts'
import { settleEndings } from '../operations/forget-endings.ts'
import { preparedFor } from '../operations/prepare-state.ts'
import { newKeys, registerKeys } from '../operations/register-keys.ts'
import { reportNode } from '../operations/report-node.ts'
import { NodeWatchers } from '../watch/node-watchers.ts'
import { emptyPlan } from '../wire-node.ts'
import { act, look, networkNow, type RpcDeps } from './door.ts'

/** Everything that nodes ask and say. Each is who its certificate says it is, and nothing in a request changes that. */
export const nodeHandlers = (deps: RpcDeps, watchers = new NodeWatchers()): ServiceImpl<typeof NodeNetworkService> => ({
  async *watchDesiredState({ version }, context) {
    const nodeId = nodeOf(context)
    const { signal, leave } = watchers.enter(nodeId, context.signal)
    try {
      yield* statesOf(deps, { nodeId, version }, signal)
    } finally {
      leave()
    }
  },

  async registerKeys({ keys }, context) {
    const nodeId = nodeOf(context)
    const asked = { nodeId, compiler: deps.compiler, keys: keys.map((key) => ({ interface: key.interface, publicKey: key.publicKey })) } // prettier-ignore
    if (newKeys(await networkNow(deps), asked).length === 0) return {}
    deps.compiler.keep(await act(deps, (tx, now) => registerKeys(tx, now, asked)))
    return {}
  },

  async confirmState({ version }, context) {
    const nodeId = nodeOf(context)
    const network = await networkNow(deps)
    await act(deps, (tx, now) => confirmState(tx, now, { nodeId, version }))
    return { current: desiredVersion(network, nodeId) === version }
  },

  async reportNode(req, context) {
    const nodeId = nodeOf(context)
    const network = await networkNow(deps)
    const isOvnDone = req.backEnds.some(({ name, status }) => name === 'ovn' && status === 'applied')
    await act(deps, (tx, now) =>
      reportNode(tx, now, {
        nodeId,
        network,
        appliedVersion: req.appliedVersion,
        rolledBackVersion: VERSION.test(req.rolledBackVersion) ? req.rolledBackVersion : '',
        rolledBackReason: req.rolledBackReason,
        isOvnDone,
        drifted: req.backEnds
          .filter(({ status }) => status === 'drifted')
          .map(({ name, detail }) => `${name}: ${detail}`),
        handshakes: req.handshakes.flatMap(({ interface: name, publicKey, at }) => (at ? [{ name, publicKey, at: timestampDate(at) }] : [])), // prettier-ignore
        report: toBinary(ReportNodeRequestSchema, create(ReportNodeRequestSchema, req)),
      }),
    )
    // Looked at before the turn is taken: a node that says so all the time would have every change wait.
    const plan = network.plan.nodes.get(nodeId)
    if (isOvnDone && plan && plan.ovnEndings.length > 0 && plan.version === req.appliedVersion) {
      const said = { compiler: deps.compiler, nodeId, appliedVersion: req.appliedVersion }
      deps.compiler.keep(await act(deps, (tx, now) => settleEndings(tx, now, said)))
    }
    return {}
  },
})

type Asked = { readonly nodeId: string; readonly version: string }

/** The state of a node, whenever it is another than the one that was sent. */
async function* statesOf(deps: RpcDeps, { nodeId, version }: Asked, signal: AbortSignal) {
  const { compiler, sealing, platform } = deps
  let sent = version
  for await (const _ of deps.news.looks(deps.clock, signal)) {
    const network = await networkNow(deps)
    const wanted = desiredVersion(network, nodeId)
    if (wanted === sent || (sent === '' && !network.plan.nodes.has(nodeId))) continue
    // Asked for before the transaction, and only where a tunnel to a peer needs it: the others do not wait for peer-registry.
    const platformId = hasCrossing(network, nodeId) ? await platform.id(signal) : ''
    const said = { nodeId, sealing, compiler, platformId }
    const state = await look(deps, (tx, now) => preparedFor(tx, now, said))
    if (state.version === sent) continue
    sent = state.version
    yield { state }
  }
}

const hasCrossing = ({ plan }: Network, nodeId: string): boolean =>
  plan.nodes.get(nodeId)?.interfaces.some(({ owner }) => owner.kind === 'crossing') === true

const VERSION = /^[0-9a-f]{64}$/

/** A node that is in no network any more has nothing to carry: that is a state too, for one that has another. */
const desiredVersion = (network: Network, nodeId: string): string =>
  network.plan.nodes.get(nodeId)?.version ?? emptyPlan(nodeId).version

/** The uuid in the certificate; the table of callers lets nobody else in. */
function nodeOf(context: HandlerContext): string {
  const caller = callerOf(context)
  if (caller.kind !== 'instance') throw new Error(`${caller.kind}/${caller.name} is no node`)
  return caller.name
}
