import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { createClient, createRouterTransport } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { writePayload } from '@powernode/payload'
import { somePayload } from '@powernode/payload/testing'
import { createLogger } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { PeerSchema, PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { partly } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { firstRun } from './first-run.ts'

/** A child's platform that answers at once, but for its grant-authz, which takes as long as a test wants. */
test('policies that take long keep nobody from seeing that beats go both ways', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'first-run-'))
  const [isActive, policies] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const peerIn = (state: PeerState) => ({ peer: create(PeerSchema, { id: 'peer-1', state }) })
  const transport = createRouterTransport(({ service }) => {
    service(
      PeerRegistryService,
      partly(PeerRegistryService, {
        joinParent: () => peerIn(PeerState.ENROLLED),
        takeEnrollment: () => ({ enrollment: { policyCascade: { rules: [] } } }),
        getPeer: () => (isActive.resolve(), peerIn(PeerState.ACTIVE)),
        getPlatform: () => ({}),
      }),
    )
    service(FederationService, partly(FederationService, {}))
    service(GrantAuthzService, partly(GrantAuthzService, { reviewPeer: () => ({}) }))
    service(ApprovalService, partly(ApprovalService, { cascadePolicies: () => policies.promise.then(() => ({ policies: [{}] })) })) // prettier-ignore
  })
  const places = { fwCfgRoot: join(dir, 'fw'), file: join(dir, 'payload.json') }
  await writePayload(places.fwCfgRoot, somePayload())
  const running = firstRun(
    {
      registry: createClient(PeerRegistryService, transport),
      federation: createClient(FederationService, transport),
      grants: createClient(GrantAuthzService, transport),
      approvals: createClient(ApprovalService, transport),
      replica: { take: () => Promise.resolve(), run: () => Promise.resolve() },
      progress: { say: () => {} },
      logger: createLogger('test', { level: 'silent' }),
      clock: systemClock,
      stateDir: dir,
      places,
    },
    AbortSignal.any([]),
  )
  await isActive.promise
  policies.resolve()
  expect(await running).toMatchObject({ inherited_policies: 1, warnings: [] })
  rmSync(dir, { recursive: true })
})
