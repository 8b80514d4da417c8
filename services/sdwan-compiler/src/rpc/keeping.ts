import type { ServiceImpl } from '@connectrpc/connect'
import {
  GiveOvnEndingUpRequestSchema,
  RekeyNetworksRequestSchema,
  type GiveOvnEndingUpRequest,
  type RekeyNetworksRequest,
  type SdwanService,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { requestOf } from '@powernode/rpc'
import type { By } from '../by.ts'
import { giveEndingUp, type GivenUp } from '../operations/forget-endings.ts'
import { rekey, type Rekeyed } from '../operations/rekey.ts'
import { sealingProblems } from '../operations/sealing-problems.ts'
import { problemsOf } from '../problems.ts'
import type { SdwanTx } from '../store/tables.ts'
import { actOrRehearse, look, networkNow, type RpcDeps } from './door.ts'
import { networkNamed } from '../named.ts'
import { strictestOf } from './strictest.ts'

type Handlers = Pick<ServiceImpl<typeof SdwanService>, 'giveOvnEndingUp' | 'rekeyNetworks' | 'listProblems'>

/** Giving a deployment up is what its end was; another key changes network and access. */
const GIVE_UP = 'sdwan.ovn_delete'
const REKEY = ['sdwan.network_update', 'sdwan.access_grant_update'] as const

/** What is the matter with the network, and what is done about it by hand. */
export const keepingHandlers = (deps: RpcDeps): Handlers => ({
  async giveOvnEndingUp(req, context) {
    const doing = givingUp(deps, req, requestOf(context))
    if (!req.dryRun) {
      const effects = async () => [...(await actOrRehearse(deps, true, doing)).lines]
      await deps.gate.pass(context, { action: GIVE_UP, schema: GiveOvnEndingUpRequestSchema, request: req, summary: `give the end of ovn deployment ${req.deployment} up: ${req.reason}`, effects }) // prettier-ignore
    }
    const { lines, network } = await actOrRehearse(deps, req.dryRun, doing)
    if (!req.dryRun) deps.compiler.keep(network)
    return { lines: [...lines] }
  },

  async rekeyNetworks(req, context) {
    const doing = rekeying(deps, req, requestOf(context))
    const { lines: planned, planSha256 } = await actOrRehearse(deps, true, doing)
    if (req.dryRun || planned.length === 0) return { lines: [...planned], planSha256 }
    const action = strictestOf(deps.policies, REKEY)
    await deps.gate.pass(context, { action, schema: RekeyNetworksRequestSchema, request: req, approved: async () => ({ ...req, planSha256 }), summary: `new keys: ${planned.slice(0, 8).join(', ')}`, effects: async () => [...planned] }) // prettier-ignore
    const { lines, network, planSha256: made } = await actOrRehearse(deps, false, doing)
    deps.compiler.keep(network)
    return { lines: [...lines], planSha256: made }
  },

  async listProblems({ network: named }) {
    const network = await networkNow(deps)
    const within = named === '' ? undefined : networkNamed(network.intent, named).id
    const all = [...(await look(deps, (tx) => sealingProblems(tx, network.intent, deps))), ...problemsOf(network)]
    const wanted = all.filter(({ networkId }) => within === undefined || networkId === within)
    return {
      problems: wanted.map(({ fatal, code, record, message, networkId = '' }) => ({ code, record, message, leftOut: fatal, networkId })), // prettier-ignore
    }
  },
})

type Deps = Pick<RpcDeps, 'compiler' | 'sealing'>

/** As the RPC and an approval do it. */
export const givingUp =
  // oxlint-disable-next-line max-params -- what it stands on, what was asked, and by whom
  ({ compiler }: Deps, { deployment, nodeInstanceId, reason }: GiveOvnEndingUpRequest, by: By) =>
    (tx: SdwanTx, now: Date): Promise<GivenUp> =>
      giveEndingUp(tx, now, { by, compiler, deployment, nodeId: nodeInstanceId || undefined, reason })

export const rekeying =
  // oxlint-disable-next-line max-params -- as above
  ({ compiler, sealing }: Deps, { networks, peerIds, reason, planSha256 }: RekeyNetworksRequest, by: By) =>
    (tx: SdwanTx, now: Date): Promise<Rekeyed> =>
      rekey(tx, now, { by, compiler, sealing, networks, peerIds, reason, planSha256 })
