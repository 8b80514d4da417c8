import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { CheckedState } from '../checked/check-state.ts'

/** How tunnels to other platforms are named. */
const CROSSING = 'fx-'

/**
 * What is put back instead of a state that was tried, where that differs from what was kept. A tunnel to another platform that
 * the tried one no longer has was taken away by somebody who MUST be able to rely on it (a revocation): it stays away, and
 * whatever rule was meant for it meets nothing.
 */
export function withoutClosed(kept: NodeState | undefined, tried: CheckedState): NodeState | undefined {
  const remains = ({ name }: { readonly name: string }): boolean =>
    !name.startsWith(CROSSING) || tried.interfaces.some((tunnel) => tunnel.name === name)
  if (!kept || kept.interfaces.every(remains)) return undefined
  return { ...kept, interfaces: kept.interfaces.filter(remains) }
}
