import type { ServiceImpl } from '@connectrpc/connect'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { BridgeMove } from '../bridge.ts'
import { moveBridge } from '../operations/bridges/move-bridge.ts'
import { proposeBridge } from '../operations/bridges/propose-bridge.ts'
import * as bridges from '../store/bridges.ts'
import { bridgeToWire } from '../wire.ts'
import { look } from './door.ts'
import { causeOf, enforce, filterId, livePeerOf, type GrantDeps } from './grant-door.ts'
import { afterPage, pageSize, pageToken } from './page.ts'

type Handlers = Pick<ServiceImpl<typeof GrantAuthzService>, 'proposeBridge' | 'moveBridge' | 'listBridges'>

/** What takes something away says how every gateway came to know. */
const TAKES_AWAY: ReadonlySet<BridgeMove> = new Set(['suspend', 'revoke'])

export const bridgeHandlers = (deps: GrantDeps): Handlers => ({
  async proposeBridge({ peerId, sdwanNetworkId, dryRun }, context) {
    await livePeerOf(deps, peerId, context.signal)
    const said = { peerId, sdwanNetworkId, cause: causeOf(context) }
    const { result } = await enforce(deps, { dryRun, signal: context.signal }, async (tx, now) => ({
      bridge: bridgeToWire(await proposeBridge(tx, now, said)),
    }))
    return result
  },

  async moveBridge({ bridgeId, move: how, reason, dryRun }, context) {
    const move = how as BridgeMove // validated: one of these words
    const said = { bridgeId, move, reason, cause: causeOf(context) }
    const { result, enforcement } = await enforce(deps, { dryRun, signal: context.signal }, async (tx, now) => ({
      bridge: bridgeToWire(await moveBridge(tx, now, said)),
    }))
    return { ...result, ...(enforcement && TAKES_AWAY.has(move) && { enforcement }) }
  },

  listBridges: (req) =>
    look(deps, async (tx) => {
      const limit = pageSize(req.pageSize)
      const peerId = filterId(req.peerId)
      const found = await bridges.page(tx, { peerId, last: afterPage(req.pageToken), limit: limit + 1 })
      const page = found.slice(0, limit)
      const next = found.length > limit ? page.at(-1)?.id : undefined
      return { bridges: page.map(bridgeToWire), nextPageToken: pageToken(next) }
    }),
})
