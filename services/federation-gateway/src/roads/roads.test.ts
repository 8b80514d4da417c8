import { systemClock } from '@powernode/clock'
import { GatewayService } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, startTestServer } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import type { RoadParts } from './road-parts.ts'
import { ROAD_CALLERS, roadHandlers } from './roads.ts'

const TRIES = 30

test('an operator has roads tried so often and no more, by whichever call; another one, and our own services, are not kept waiting', async () => {
  const nobody = {
    table: { fresh: true, peer: () => undefined },
    clock: systemClock,
    limits: { connectTimeoutMs: 1_000 },
  } as unknown as RoadParts // nothing else is reached
  const server = startTestServer(mount(GatewayService, roadHandlers(nobody), ROAD_CALLERS))
  const as = (kind: 'operator' | 'service', name: string) => server.clientAs(GatewayService, { kind, name })
  const peerId = crypto.randomUUID()
  const mallory = as('operator', 'mallory')
  for (let at = 0; at < TRIES; at += 2) {
    await expectRefusal(mallory.probePeer({ peerId }), 'PEER_NOT_FOUND')
    expect((await mallory.examineRoad({ peerId })).refused).toMatch(/^PEER_NOT_FOUND/)
  }
  await expectRefusal(mallory.probePeer({ peerId }), 'RATE_LIMITED')
  await expectRefusal(mallory.examineRoad({ peerId }), 'RATE_LIMITED')
  await expectRefusal(as('operator', 'alice').probePeer({ peerId }), 'PEER_NOT_FOUND')
  for (let at = 0; at <= TRIES; at++)
    await expectRefusal(as('service', 'liveness').probePeer({ peerId }), 'PEER_NOT_FOUND')
})
