import { expect, test } from 'vitest'
import { checkState } from '../../services/node-agent/src/network/checked/check-state.ts'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { scenarios } from '../../services/sdwan-compiler/src/compile/frr/testing/scenarios.ts'
import { open, services, tenants } from '../../services/sdwan-compiler/src/compile/ovn/testing/deployments.ts'
import { bigWorld } from '../../services/sdwan-compiler/src/compile/testing/big-world.ts'
import { scenarios as compiled } from '../../services/sdwan-compiler/src/compile/testing/scenarios.ts'
import { stateToWire } from '../../services/sdwan-compiler/src/wire-node.ts'
import type { World } from '../../services/sdwan-compiler/src/world.ts'

// The two share no code, so that a compiler that was taken over finds an agent that was not.
const WORLDS: Readonly<Record<string, World>> = {
  ...scenarios,
  'a hub for two hundred': bigWorld({ members: 200, hubs: 4, topology: 'hub_and_spoke' }),
  'everybody with everybody': bigWorld({ members: 60, hubs: 4, topology: 'full_mesh' }),
  ...withOvn(),
  ...sendable(),
}

/** Of the others what can be compiled as it was meant: the rest is sent to nobody. */
function sendable(): Record<string, World> {
  const isWhole = (world: World): boolean => !compile(world).problems.some(({ fatal }) => fatal)
  return Object.fromEntries(Object.entries(compiled).filter(([, world]) => world.members.length > 0 && isWhole(world)))
}

function withOvn(): Record<string, World> {
  const world = bigWorld({ members: 2, hubs: 1, topology: 'hub_and_spoke' })
  const nodeId = world.members[0]?.nodeId
  const all = Object.entries({ tenants, services, open })
  return Object.fromEntries(all.map(([name, each]) => [`OVN: ${name}`, { ...world, ovn: [{ ...each, nodeId }] }]))
}

/** Two tunnels of one node cannot listen on one port; whoever writes a world down need not think of it. */
function onPortsOfTheirOwn(world: World): World {
  const members = world.members.map((each, at) => ({ ...each, listenPort: 20_000 + at }))
  const crossings = world.crossings.map((crossing, at) => ({
    ...crossing,
    gateways: crossing.gateways.map((each, index) => ({ ...each, listenPort: 30_000 + at * 100 + index })),
  }))
  return { ...world, members, crossings }
}

test.each(Object.entries(WORLDS))('an agent takes every word that is compiled for its node: %s', (_, world) => {
  const { nodes } = compile(onPortsOfTheirOwn(world))
  expect(nodes.size).toBeGreaterThan(0)
  for (const [nodeId, plan] of nodes) {
    const limits = { instanceId: nodeId, ovnEndpoints: world.ovn.map(({ nbEndpoint }) => nbEndpoint), keptPorts: [22] }
    expect(checkState(stateToWire(plan), limits).version).toBe(plan.version)
  }
})
