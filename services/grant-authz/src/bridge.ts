import type { JsonObject } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'
import { reasonOf } from './grant.ts'

export type BridgeState = 'proposed' | 'active' | 'suspended' | 'revoked'
export type BridgeMove = 'activate' | 'suspend' | 'resume' | 'revoke'

/** Leave of a peer to be met on one of our networks. */
export type Bridge = {
  readonly id: string
  readonly peerId: string
  readonly sdwanNetworkId: string
  readonly state: BridgeState
  readonly proposedAt: Date
  readonly activatedAt: Date | null
  readonly suspendedAt: Date | null
  readonly revokedAt: Date | null
  readonly revocationReason: string
  readonly metadata: JsonObject
  readonly revision: number
}

/** Where each move leads; what is not here is refused. Revoked is terminal: another is proposed instead. */
export const MOVES: Readonly<Record<BridgeState, Partial<Record<BridgeMove, BridgeState>>>> = {
  proposed: { activate: 'active', revoke: 'revoked' },
  active: { activate: 'active', resume: 'active', suspend: 'suspended', revoke: 'revoked' },
  suspended: { suspend: 'suspended', resume: 'active', revoke: 'revoked' },
  revoked: { revoke: 'revoked' },
}

/** The bridge after a move. A move to where it stands changes nothing: whose answer was lost may ask again. */
export function move(
  bridge: Bridge,
  { move: how, at, reason }: { move: BridgeMove; at: Date; reason: string },
): Bridge {
  const state = MOVES[bridge.state][how]
  if (!state)
    throw new Refusal('MOVE_NOT_ALLOWED', `a bridge that is ${bridge.state} cannot ${how}`, {
      metadata: { bridge_id: bridge.id, state: bridge.state, move: how },
      next:
        bridge.state === 'revoked' ? `fedctl bridge propose ${bridge.peerId} ${bridge.sdwanNetworkId}` : nextOf(bridge),
    })
  if (state === bridge.state) return bridge
  const moved = { ...bridge, state, suspendedAt: null }
  if (state === 'active') return { ...moved, activatedAt: at }
  if (state === 'suspended') return { ...moved, suspendedAt: at, revocationReason: bridge.revocationReason }
  return { ...moved, revokedAt: at, revocationReason: reasonOf(reason) }
}

const nextOf = ({ id, state }: Bridge): string =>
  `fedctl bridge ${Object.keys(MOVES[state]).find((how) => MOVES[state][how as BridgeMove] !== state) ?? 'show'} ${id}` // keys of the table above
