import type { Network } from './network.ts'
import type { WireGuardInterface } from './plan.ts'

/** The public half that we hold of the key of a node's interface; the agent registers anew when its own is another. */
export function heldKey(
  { intent, crossings }: Pick<Network, 'intent' | 'crossings'>,
  nodeId: string,
  owner: WireGuardInterface['owner'],
): string | undefined {
  if (owner.kind === 'member') return intent.member.get(owner.memberId)?.publicKey ?? undefined
  const crossing = crossings.find(({ peerId }) => peerId === owner.peerId)
  return crossing?.gateways.find(({ memberId }) => intent.member.get(memberId)?.nodeId === nodeId)?.publicKey
}
