import { toBinary } from '@bufbuild/protobuf'
import { NodeStateSchema, WireGuardInterfaceSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { NodePlan, Standby } from './plan.ts'
import { stateToWire } from './wire-node.ts'

/**
 * How many bytes a node is sent: as many as `toBinary` of its state has. A hub has a standby for every spoke, and nearly all of
 * them are those of the plan before: each is counted once.
 */
export function bytesOf(plan: NodePlan): number {
  const bare = { ...plan, interfaces: plan.interfaces.map((each) => ({ ...each, standby: [] })) }
  const { interfaces, ...rest } = stateToWire(bare)
  let bytes = toBinary(NodeStateSchema, { ...rest, interfaces: [] }).length
  for (const [at, each] of interfaces.entries()) {
    let its = toBinary(WireGuardInterfaceSchema, each).length
    for (const standby of plan.interfaces[at]?.standby ?? []) its += standbyBytes(standby)
    bytes += field(its)
  }
  return bytes
}

const counted = new WeakMap<Standby, number>()

function standbyBytes(standby: Standby): number {
  const known = counted.get(standby)
  if (known !== undefined) return known
  let bytes = 0
  for (const prefix of standby.prefixes) bytes += field(Buffer.byteLength(prefix))
  for (const { publicKey, address } of standby.peers) bytes += field(said(publicKey) + said(address))
  const whole = field(bytes)
  counted.set(standby, whole)
  return whole
}

/** A field with its length before it; our numbers of fields take one byte. */
function field(length: number): number {
  let varint = 1
  for (let left = length; left > 0x7f; left = Math.floor(left / 0x80)) varint += 1
  return 1 + varint + length
}

/** What is empty is not sent. */
const said = (text: string): number => (text === '' ? 0 : field(Buffer.byteLength(text)))
