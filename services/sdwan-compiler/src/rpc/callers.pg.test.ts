import { NodeNetworkService } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { refusesEverybodyElse } from '@powernode/rpc/testing'
import { afterAll, beforeAll, test } from 'vitest'
import { NetworkWorld } from '../testing/network-world.ts'
import { NODE_CALLERS, SDWAN_CALLERS } from './callers.ts'

let world: NetworkWorld
beforeAll(async () => {
  world = await NetworkWorld.open()
})
afterAll(() => world.close())

test('everybody whom the tables do not name is refused: nodes what operators may, operators and services what nodes may', async () => {
  await refusesEverybodyElse(SdwanService, SDWAN_CALLERS, world.clientAs)
  await refusesEverybodyElse(NodeNetworkService, NODE_CALLERS, world.clientAs)
})
