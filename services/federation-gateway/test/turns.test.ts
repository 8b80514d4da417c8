import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { Caller } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

const { checkAccess } = FederationService.method
const ASKED = { kind: 'NodeModule', id: 'm-1', scope: 'read' }
const HEADERS = { authorization: `Bearer ${BEARER}` }
let world: World
let b: Platform
let caller: Caller

beforeAll(async () => {
  ;[world, b] = await Promise.all([startWorld({ calls: { callsPerPeer: 100_000 } }), makePlatform('b.example')])
  world.registry.put(routeTo(b, { peerId: PEER, dataResidency: 'eu' }))
  await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${world.at['grant-authz']}` }
  world.grants.tell({
    servedKinds: { kinds: [{ kind: ASKED.kind, dataClass: 'catalogue', ...served }] },
    grants: [{ ...GRANT, resourceId: '', notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000 }],
  })
  caller = new Caller(world.door, b.gateway, b.trustDomain)
  await until(async () => (await caller.outcome(checkAccess, ASKED, HEADERS)).answer !== undefined)
})
afterAll(async () => {
  caller.close()
  await world.stop()
})

test('of many calls at once the first are on their way to the ledger before the last are decided', async () => {
  const before = world.ledger.messages.length
  const outcomes = await Promise.all(Array.from({ length: 90 }, () => caller.outcome(checkAccess, ASKED, HEADERS)))
  expect(outcomes.filter(({ error }) => error)).toEqual([])
  const messages = world.ledger.messages.slice(before)
  expect(messages.length).toBeGreaterThan(1)
  expect(messages.length).toBeLessThan(45) // and still many in each
})
