import { toBinary } from '@bufbuild/protobuf'
import { NodeStateSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { expect, test } from 'vitest'
import { compile } from './compile/compile.ts'
import { bigWorld } from './compile/testing/big-world.ts'
import { bytesOf } from './state-bytes.ts'
import { stateToWire } from './wire-node.ts'

test.each([3, 40, 400])('a node of %i members is counted to the byte, be it a hub or a spoke', (members) => {
  const { nodes } = compile(bigWorld({ members, hubs: 3, topology: 'hub_and_spoke' }))
  for (const plan of nodes.values()) expect(bytesOf(plan)).toBe(toBinary(NodeStateSchema, stateToWire(plan)).length)
})
