import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'

/**
 * A state whose secrets nobody could open is filled up with the preshared keys that this node has, of the same interface and the same
 * peer: its tunnels go on, and all else of it is as it is wanted. A peer for whom there is none stays without: `checkState` leaves it
 * out, since a tunnel MUST NOT be open to whoever has no preshared key.
 */
export function withKeptKeys(state: NodeState, kept: NodeState | undefined): NodeState {
  if (state.interfaces.every(({ withheld }) => withheld.length === 0)) return state
  const had = new Map((kept?.interfaces ?? []).map(({ name, preshared }) => [name, preshared]))
  return {
    ...state,
    interfaces: state.interfaces.map((each) => {
      const keys = Object.entries(had.get(each.name) ?? {}).filter(([peer]) => each.withheld.includes(peer))
      return keys.length === 0 ? each : { ...each, preshared: { ...Object.fromEntries(keys), ...each.preshared } }
    }),
  }
}
