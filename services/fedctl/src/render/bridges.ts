import type { Capability, NetworkBridge } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { stateColour } from './paint.ts'
import { table } from './table.ts'
import { age } from './time.ts'

export function bridgeTable(bridges: readonly NetworkBridge[], { to, now, width }: Canvas, name: NamePeers): string {
  if (bridges.length === 0) return 'no bridges'
  return table(
    bridges,
    [
      { title: 'BRIDGE', text: ({ id }) => id },
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'NETWORK', text: ({ sdwanNetworkId }) => sdwanNetworkId },
      { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateColour(to, state) },
      { title: 'SINCE', text: (bridge) => `${age(lastMoved(bridge), now)} ago` },
      { title: 'WHY', text: ({ revocationReason }) => revocationReason || '-' },
    ],
    to,
    width,
  )
}

/** When it came to be in the state it is in. */
function lastMoved(bridge: NetworkBridge) {
  const { state, revokedAt, suspendedAt, activatedAt, proposedAt } = bridge
  if (state === 'revoked') return revokedAt
  if (state === 'suspended') return suspendedAt
  return state === 'active' ? activatedAt : proposedAt
}

export function capabilityTable(capabilities: readonly Capability[], { to, width }: Canvas, name: NamePeers): string {
  if (capabilities.length === 0) return 'no capabilities'
  return table(
    capabilities,
    [
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'KIND', text: ({ resourceKind }) => resourceKind },
      { title: 'DIRECTION', text: ({ direction }) => direction },
      { title: 'POLICY', text: ({ policy }) => policy },
      { title: 'CONFLICTS', text: ({ conflictResolution }) => conflictResolution },
      { title: 'SET BY', text: ({ setBy }) => setBy || '-' },
    ],
    to,
    width,
  )
}
