import type { ServiceImpl } from '@connectrpc/connect'
import type { AcceptanceService } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import {
  callerOf,
  callerText,
  Refusal,
  requestOf,
  type Caller,
  type CallersTable,
  type Permission,
} from '@powernode/rpc'
import type { AcceptanceRun } from '../acceptance-run.ts'
import { repeatAcceptanceStep } from '../operations/begin-acceptance.ts'
import { holdInvitation } from '../operations/hold-invitation.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import { acceptanceToWire } from '../wire-acceptance.ts'
import { msOf } from '../wire-description.ts'
import { previewAcceptance, runAcceptance, runningAcceptance } from './acts/run-acceptance.ts'
import { act, actOrRehearse, look, pageSize, type RpcDeps } from './door.ts'
import { afterPage, pageToken, UUID } from './page.ts'

export const ACCEPTANCE_CALLERS: CallersTable<typeof AcceptanceService> = {
  runAcceptance: ['system.federation_peers.manage'],
  getAcceptance: ['system.federation.read'],
  listAcceptances: ['system.federation.read', 'service/liveness'],
  runAcceptanceStep: ['system.federation_peers.manage'],
}

const LOOK_MS = 100

/** The skill federation_acceptance: begun here, gone on with by src/acceptance. */
export const acceptanceHandlers = (deps: RpcDeps): ServiceImpl<typeof AcceptanceService> => ({
  async runAcceptance(req, context) {
    const asked = { us: deps.us, by: requestOf(context), req }
    const rehearsed = () => actOrRehearse(deps, true, (tx, now) => previewAcceptance(tx, now, asked))
    const preview = await rehearsed()
    if (req.dryRun) return { run: acceptanceToWire(preview) }
    await deps.gate.pass(
      context,
      runningAcceptance(req, {
        rehearse: () => Promise.resolve(),
        hold: ({ approvalId, ...key }) =>
          act(deps, (tx, now) =>
            holdInvitation(tx, now, { us: deps.us, key, invitation: req.acceptanceToken, approvalId }),
          ),
      }),
    )
    return { run: acceptanceToWire(await act(deps, (tx, now) => runAcceptance(tx, now, asked))) }
  },

  async getAcceptance({ id, wait }, { signal }) {
    const until = deps.clock.now().getTime() + (msOf(wait) ?? 0)
    for (;;) {
      const run = await found(deps, id)
      if (run.state !== 'running' || deps.clock.now().getTime() >= until || signal.aborted)
        return { run: acceptanceToWire(run) }
      await deps.clock.sleep(LOOK_MS, signal)
    }
  },

  listAcceptances: (req) =>
    look(deps, async (tx) => {
      const limit = pageSize(req.pageSize)
      const page = await acceptanceRuns.list(tx, { beforeId: afterPage(req.pageToken, UUID), limit: limit + 1 })
      const last = page.length > limit ? page[limit - 1] : undefined
      return { runs: page.slice(0, limit).map(acceptanceToWire), nextPageToken: last ? pageToken(last.id) : '' }
    }),

  async runAcceptanceStep({ id, step }, context) {
    if (step === 'sdwan_attach') mayAttach(callerOf(context))
    return { run: acceptanceToWire(await act(deps, (tx, now) => repeatAcceptanceStep(tx, now, { runId: id, step }))) }
  },
})

/**
 * The whole skill is approved, with the network that it names; repeated, the step goes where the peer's metadata lead it, which
 * whoever may keep peers can write. So it takes what activating a bridge takes (grant-authz, GRANT_CALLERS).
 */
function mayAttach(caller: Caller): void {
  if (caller.kind !== 'operator' || caller.permissions.has(ATTACHING)) return
  throw new Refusal(
    'PERMISSION_MISSING',
    `${callerText(caller)} may not let peers onto networks: that takes ${ATTACHING}`,
    {
      metadata: { caller: callerText(caller), permission: ATTACHING },
    },
  )
}
const ATTACHING: Permission = 'system.federation_grants.manage'

const found = (deps: RpcDeps, id: string): Promise<AcceptanceRun> =>
  look(deps, async (tx) => {
    const run = await acceptanceRuns.find(tx, id)
    if (!run) throw acceptanceRuns.notFound(id)
    return run
  })
