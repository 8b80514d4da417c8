import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { systemClock, type Clock } from '@powernode/clock'
import { Feed } from '@powernode/feed'
import { createLogger, createMetrics } from '@powernode/process'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerKind, PeerSchema, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { GetPeerResponseSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PolicyService } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { mount, Refusal } from '@powernode/rpc'
import { startTestServer } from '@powernode/rpc/testing'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { policySource } from '../feed/policy.ts'
import { POLICY_FEED } from '../feed/policy-part.ts'
import type { Registry } from '../reviews/ask-registry.ts'
import { GRANT_CALLERS, POLICY_CALLERS } from '../rpc/callers.ts'
import { grantHandlers } from '../rpc/grant-service.ts'
import { policyHandlers } from '../rpc/policy-feed.ts'
import type { Tables } from '../store/tables.ts'
import { SEALING } from './grants.ts'

export const GATEWAY = { kind: 'service', name: 'federation-gateway' } as const
export const REGISTRY = { kind: 'service', name: 'peer-registry' } as const
const ALICE = { kind: 'operator', name: 'alice' } as const

type PeerSaid = MessageInitShape<typeof PeerSchema>

/** A peer-registry that holds what the test says: an equal, active, unless it says otherwise. */
export function registryOf(peers: ReadonlyMap<string, PeerSaid>): Registry {
  return {
    async getPeer({ peer: id = '' }) {
      const said = peers.get(id)
      if (!said) throw new Refusal('PEER_NOT_FOUND', `there is no peer ${id}`)
      const usual = { kind: PeerKind.PLATFORM, spawnMode: SpawnMode.OUT_OF_BAND, spawnRole: SpawnRole.SYMMETRIC }
      return create(GetPeerResponseSchema, {
        peer: create(PeerSchema, { id, state: PeerState.ACTIVE, ...usual, ...said }),
      })
    },
  }
}

/** The doors of this area over a database, with a real feed behind them. */
export function openDoors(database: TestDatabase<Tables>, peers: ReadonlyMap<string, PeerSaid>, clock: Clock) {
  const stopping = new AbortController()
  const logger = createLogger('test', { level: 'silent' })
  const policyFeed = new Feed({
    db: database.db,
    listener: testListener({ url: database.url, schema: 'grant_authz' }),
    schema: 'grant_authz',
    clock: systemClock,
    logger,
    metrics: createMetrics('test'),
    feed: POLICY_FEED,
    source: policySource,
  })
  const running = policyFeed.run(stopping.signal)
  const deps = { db: database.db, clock, registry: registryOf(peers), sealing: SEALING, policyFeed }
  const server = startTestServer(
    mount(GrantAuthzService, grantHandlers(deps), GRANT_CALLERS),
    mount(PolicyService, policyHandlers(deps), POLICY_CALLERS),
  )
  return {
    server,
    policyFeed,
    alice: server.clientAs(GrantAuthzService, ALICE),
    gateway: server.clientAs(GrantAuthzService, GATEWAY),
    registry: server.clientAs(GrantAuthzService, REGISTRY),
    policy: server.clientAs(PolicyService, GATEWAY),
    async close() {
      stopping.abort()
      await running
    },
  }
}
