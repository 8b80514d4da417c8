import { createClient, type Client } from '@connectrpc/connect'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState, SpawnMode, SpawnRole, TrustMode, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal, refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'
import { eventually } from '../eventually.ts'

/**
 * A parent and its managed child: the child's platform gives the parent's operators a grant by itself, the child can end
 * it, and both can come together again.
 */
let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let parent: TestPlatform
let child: TestPlatform
let onParent: string
let onChild: string
/** Calls of the parent's operators to its peers. */
let outward: Client<typeof FederationService>
beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
  parent = mesh.a
  child = mesh.b
  outward = createClient(FederationService, parent.transport('federation-gateway'))
  const { onA, onB } = await federate(parent, child, {
    propose: { spawnRole: SpawnRole.PARENT, spawnMode: SpawnMode.MANAGED_CHILD },
    accept: { trustMode: TrustMode.HIERARCHICAL },
  })
  onParent = onA
  onChild = onB
})
afterAll(() => mesh?.stop())

const KIND = 'managed_child_operator'
const operate = () =>
  outward.checkAccess({ kind: KIND, scope: 'admin' }, { headers: { 'powernode-peer-id': onParent } })
/** As soon as both gateways know enough to decide about it. */
const operateNow = () =>
  eventually(
    () =>
      operate().then(
        () => undefined,
        (error: unknown) => refusalOf(error) ?? error,
      ),
    (said) => !(said instanceof Refusal) || !isNotNow(said),
  )
const isNotNow = ({ reason, metadata }: Refusal) => (metadata['peer_reason'] ?? reason) === 'POLICY_STALE'
const live = (of: TestPlatform, peerId: string) =>
  of.grants.listGrants({ peerId, resourceKind: KIND, statuses: ['active'] }).then(({ grants }) => grants)
const isManaged = ({ spawnMode }: Peer) => spawnMode === SpawnMode.MANAGED_CHILD
const isAutonomous = ({ spawnMode }: Peer) => spawnMode === SpawnMode.AUTONOMOUS_PEER

test('a managed child gives its parent’s operators their grant by itself, and they can use it', async () => {
  const [grant] = await eventually(() => live(child, onChild), (grants) => grants.length === 1) // prettier-ignore
  expect(grant).toMatchObject({ remoteSubject: `parent-operator@${onChild}`, issuedBy: 'service/grant-authz' })
  expect(grant?.scopes.toSorted()).toEqual(['admin', 'read', 'write'])
  await eventually(() => parent.grants.listReceivedGrants({ peerId: onParent }), ({ grants }) => grants.length === 1) // prettier-ignore
  const { decisionId } = await eventually(operate, () => true)
  const { decision: ours } = await parent.ledger.getDecision({ decisionId })
  const { decision } = await child.ledger.getDecision({ decisionId: ours?.remoteDecisionId ?? '' })
  expect(decision).toMatchObject({ allowed: true, peerId: onChild, grantId: grant?.id, resourceKind: KIND })
})

test('what stops working can be read before', async () => {
  const { effects } = await child.peers.emancipatePeer({ peerId: onChild, dryRun: true })
  expect(effects.join('\n')).toContain(KIND)
  expect(await child.peers.getPeer({ peer: onChild })).toMatchObject({ peer: { spawnMode: SpawnMode.MANAGED_CHILD } })
  expect(await operateNow()).toBeUndefined()
})

test('the child leaves: from the answer on nothing gets through, the peering stays, and the parent is told', async () => {
  const { peer, openItems } = await child.peers.emancipatePeer({ peerId: onChild, reason: 'grown up' })
  expect(openItems).toEqual([])
  expect(peer).toMatchObject({ spawnMode: SpawnMode.AUTONOMOUS_PEER, state: PeerState.ACTIVE })
  const refused = refusalOf(await operateNow())
  // Theirs, or ours when the notice was faster than we were.
  expect(['GRANT_INVALID', 'GRANT_REQUIRED']).toContain(refused?.metadata['peer_reason'] ?? refused?.reason)
  expect(await live(child, onChild)).toEqual([])
  await parent.until(onParent, isAutonomous)
  await parent.untilState(onParent, PeerState.ACTIVE)
})

test('the sweep does not give back what the child took away', async () => {
  await child.grants.reviewPeer({ peerId: onChild }).catch(() => undefined)
  expect(await live(child, onChild)).toEqual([])
})

test('both agree again: it is a managed child as before, with a new grant', async () => {
  await child.peers.adoptPeer({ peerId: onChild, as: 'child' })
  await parent.until(onParent, ({ openItems }) => openItems.some((item) => item.includes('offers to be our child')))
  await parent.peers.adoptPeer({ peerId: onParent, as: 'parent' })
  await Promise.all([parent.until(onParent, isManaged), child.until(onChild, isManaged)])
  await eventually(() => live(child, onChild), (grants) => grants.length === 1) // prettier-ignore
  await eventually(operate, () => true)
})
