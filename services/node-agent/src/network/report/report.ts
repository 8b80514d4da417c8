import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  HandshakeSchema,
  ReportNodeRequestSchema,
  type Handshake,
  type ReportNodeRequest,
} from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { Machine, Status } from '../apply/machine.ts'
import type { NodeNetwork } from '../apply/node-network.ts'
import type { Frr } from '../back-ends/frr.ts'
import { countedIn } from '../back-ends/nftables.ts'
import type { Vrfs } from '../back-ends/vrfs.ts'
import { showInterface } from '../back-ends/wireguard.ts'
import type { Tried } from '../tries/run-tries.ts'
import { measureBgp } from './bgp.ts'
import type { Counters } from './counters.ts'

export type Measuring = {
  readonly network: Pick<NodeNetwork, 'current' | 'rolledBack'>
  readonly machine: Machine
  readonly vrfs: Vrfs
  readonly frr: Frr
  readonly counters: Counters
}

/** As many as a report may hold. */
const HANDSHAKES_MAX = 20_000
const COUNTERS_MAX = 20_000
const TRIES_MAX = 4_096

/** What is really there, asked of every part. What cannot be asked is left out; the network itself is not touched. */
export async function measure(
  deps: Measuring,
  tried: readonly Tried[],
  drifted: readonly Status[],
): Promise<ReportNodeRequest> {
  // prettier-ignore
  const { network, machine, frr, counters } = deps
  const { current, rolledBack } = network
  const bgp = current.frr === '' ? undefined : await measureBgp(frr)
  const counted = counters.total(await countedIn(deps.vrfs.roomsOf(current.vrfs).values())).slice(0, COUNTERS_MAX)
  return create(ReportNodeRequestSchema, {
    appliedVersion: current.version,
    rolledBackVersion: rolledBack?.version ?? '',
    rolledBackReason: rolledBack?.reason ?? '',
    backEnds: machine.statuses.map((each) => drifted.find(({ name }) => name === each.name) ?? each),
    handshakes: (await handshakesOf(deps)).slice(0, HANDSHAKES_MAX),
    bgpSessions: [...(bgp?.sessions ?? [])],
    bgpRoutes: [...(bgp?.routes ?? [])],
    bgpMeasured: bgp?.measured ?? false,
    counters: counted,
    tests: tried.slice(0, TRIES_MAX).map((each) => ({ ...each })),
  })
}

async function handshakesOf({ network, machine }: Measuring): Promise<Handshake[]> {
  const found: Handshake[] = []
  for (const tunnel of network.current.interfaces) {
    const { tools } = machine.roomOf(network.current, tunnel)
    const live = await showInterface(tools, tunnel.name).catch(() => undefined)
    for (const { publicKey, handshakeAt, rxBytes, txBytes } of live?.peers ?? []) {
      const handshake = { interface: tunnel.name, publicKey, rxBytes: BigInt(rxBytes), txBytes: BigInt(txBytes) }
      const at = handshakeAt === 0 ? {} : { at: timestampFromMs(handshakeAt * 1_000) }
      found.push(create(HandshakeSchema, { ...handshake, ...at }))
    }
  }
  return found
}
