import { RemediationService } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { federate, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'

let a: TestPlatform
let b: TestPlatform
let onA: string
let toA: Road
let toB: Road
beforeAll(async () => {
  toA = await openRoad(() => a.platform.ports.door)
  toB = await openRoad(() => b.platform.ports.door)
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry: endpointsOf(toA) }),
    TestPlatform.start('b', { registry: endpointsOf(toB) }),
  ])
})
afterAll(async () => {
  toA?.close()
  toB?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

test('a partition degrades both sides, and they recover by themselves when it ends', async () => {
  let onB: string
  ;({ onA, onB } = await federate(a, b))
  toA.weather = toB.weather = 'cut'
  const [ofB, ofA] = await Promise.all([a.untilState(onA, PeerState.DEGRADED), b.untilState(onB, PeerState.DEGRADED)])
  // Whichever direction runs out first is the reason; by then the other may not have.
  for (const { reason } of [ofB, ofA]) expect(reason).toMatch(/direction|we do not hear them|they do not hear us/)
  // Two services say these two, so they come in either order.
  for (const action of ['federation.peer.heartbeat_stale', 'federation.peer.degraded'])
    expect(await a.ledgerOf(onA, action)).toContain(action)

  toA.weather = toB.weather = 'fair'
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])

  // Why a peer was degraded stays what it was then: on a busy machine the other direction may have been late as well.
  const reasonsOneWay = async () => {
    toA.weather = 'cut'
    const both = await Promise.all([a.untilState(onA, PeerState.DEGRADED), b.untilState(onB, PeerState.DEGRADED)])
    toA.weather = 'fair'
    await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
    return both.map(({ reason }) => reason)
  }
  const isLate = (reason: string) => reason.includes('in either direction')
  const reasons = await eventually(reasonsOneWay, (seen) => !seen.some(isLate), 180_000)
  expect(reasons).toEqual([
    'they hear us, we do not hear them: no heartbeat of theirs arrives',
    'we hear them, they do not hear us: our heartbeats are not answered',
  ])
})

const REMEDIATE = 'system.federation_peer_remediate'

test('where people want to be asked, a silent peer stays active until one has approved; a no is a no, and they are asked once', async () => {
  await a.approvals.setPolicy({ action: REMEDIATE, verb: 'require_approval' })
  const remediation = createClient(RemediationService, a.transport('liveness'))
  const asked = async () => {
    const { approvals } = await a.approvals.listApprovals({ peerId: onA, pageSize: 100 })
    return approvals.filter(({ action }) => action === REMEDIATE)
  }
  /** The next question: on a busy machine there may be one more than the stories tell, of a silence that nobody made. */
  const again = async (...known: string[]) => {
    await a.untilState(onA, PeerState.ACTIVE)
    toA.weather = toB.weather = 'cut'
    const isNew = ({ id, state }: { id: string; state: string }) => state === 'pending' && !known.includes(id)
    const question = (await eventually(asked, (approvals) => approvals.some(isNew))).find(isNew)
    expect(question).toMatchObject({ summary: expect.stringContaining(`degrade peer ${onA}`) as string })
    expect((await a.peers.getPeer({ peer: onA })).peer?.state, 'until somebody says yes').toBe(PeerState.ACTIVE)
    return question!
  }

  const first = await again()
  await a.approvals.reject({ approvalId: first.id, reason: 'they told us of it' })
  toA.weather = toB.weather = 'fair'
  await eventually(
    async () => (await remediation.listSignals({ peerId: onA })).signals,
    (signals) => signals.length === 0,
  )
  const decided = async () => (await remediation.listRemediations({ peerId: onA })).remediations
  const { signalId } = (await decided()).find(({ approvalId }) => approvalId === first.id) ?? {}
  const ofTheFirst = (await decided()).filter((one) => one.signalId === signalId && one.approvalId !== '')
  expect(new Set(ofTheFirst.map(({ approvalId }) => approvalId)), 'nobody was asked again').toEqual(new Set([first.id]))

  const second = await again(first.id)
  await a.approvals.approve({ approvalId: second.id, planSha256: second.planSha256 })
  await a.untilState(onA, PeerState.DEGRADED)
  expect((await decided()).find(({ action }) => action === 'degraded')).toMatchObject({ approvalId: second.id, verb: 'require_approval' }) // prettier-ignore
  const stateOf = async ({ id }: { id: string }) => (await asked()).find((one) => one.id === id)?.state
  await eventually(async () => [await stateOf(first), await stateOf(second)].join(), (states) => states === 'rejected,executed') // prettier-ignore
  toA.weather = toB.weather = 'fair'
  await a.untilState(onA, PeerState.ACTIVE)
})
