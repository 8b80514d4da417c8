import type { MessageInitShape } from '@bufbuild/protobuf'
import { until } from '@powernode/events/testing'
import type { AcceptanceRun } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PATIENCE_MS } from '../eventually.ts'
import { invite, PATIENT, TestPlatform } from '../mesh.ts'
import { type, typeJson, typeRefused } from './operator-at-keyboard.ts'

/** A invites; B's people and agents take that up by the skill. */
let a: TestPlatform
let b: TestPlatform
beforeAll(async () => {
  // Patient enough not to call a peer silent while a busy machine draws breath.
  const options = { registry: PATIENT }
  ;[a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', options)])
})
afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()])
})

/** Each story begins with two platforms that are no peers: whoever hears of it first has the other's row ended too. */
afterEach(async () => {
  for (const { peers } of [b, a])
    for (const { id, state } of (await peers.listPeers({})).peers)
      if (state !== PeerState.REVOKED) await Promise.allSettled([peers.revokePeer({ peerId: id })])
})

type Shown = {
  acceptance: {
    id: string
    state: string
    peer_id: string
    contract_version_agreed: number
    steps: { name: string; status: string; attempts: number }[]
    node_enrollment: { status: string; reason: string }
    sdwan_attach: { status: string; reason?: string; bridge_state?: string }
    governance: { status: string; peer_finding_count: number }
    warnings: string[]
    failure: string
  }
}

const NODE = '019f0000-0000-7000-9000-0000000000b1'
type Kind = NonNullable<MessageInitShape<typeof ItemSchema>['kind']>
const put = (kind: Kind) => ({ act: { case: 'put', value: { kind } } }) as const

const statuses = ({ acceptance }: Shown) => acceptance.steps.map(({ name, status }) => `${name} ${status}`)

test('an invitation that an agent takes up by the skill lands in the queue, and once it is approved runs to its end', async () => {
  const { onA, invitation, token } = await invite(a)
  const robot = await b.operator('robot', ['agent'], { kind: 'agent' })
  const asking = robot.acceptance.runAcceptance({ acceptanceToken: invitation, contractVersion: 1 })
  const { metadata } = await expectRefusal(asking, 'APPROVAL_REQUIRED')
  expect(metadata).toMatchObject({ action: 'system.federation_acceptance' })
  const { approvals } = await b.approvals.listApprovals({})
  const approval = approvals.find(({ action }) => action === 'system.federation_acceptance')
  expect(approval).toMatchObject({ state: 'pending', requestedBy: 'operator/robot', owner: 'service/peer-registry' })
  expect(JSON.stringify(approval, (_, said: unknown) => (typeof said === 'bigint' ? `${said}` : said))).not.toContain(token) // prettier-ignore
  expect((await b.peers.listPeers({})).peers, 'nothing is done before it is approved').toEqual([])

  const { id = '', planSha256 = new Uint8Array() } = approval ?? {}
  await b.approvals.approve({ approvalId: id, planSha256 })
  await until(async () => (await b.approvals.getApproval({ approvalId: id })).approval?.state === 'executed')
  const shown = await typeJson<Shown>(b, `acceptance show ${id} --wait 200s`)
  expect(shown.acceptance).toMatchObject({ id, state: 'done', contract_version_agreed: 1, failure: '' })
  expect(statuses(shown)).toEqual([
    'verify_contract_version done',
    'locate_peer done',
    'accept done',
    'enroll done',
    'operator_grant done',
    'node_enrollment skipped',
    'sdwan_attach skipped',
    'governance_scan done',
  ])
  expect(shown.acceptance).toMatchObject({
    node_enrollment: { status: 'skipped', reason: 'not_managed_child' },
    sdwan_attach: { status: 'skipped', reason: 'no_overlay_network' },
    governance: { status: 'scanned' },
  })
  const onB = shown.acceptance.peer_id
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
})

test('a person who may control runs it at once; a soft step is run again by itself once there is a network to attach to', async () => {
  const { invitation } = await invite(a)
  const rehearsed = await typeJson<Shown>(b, ['acceptance', 'run', '-', '--dry-run'], { input: invitation })
  expect(statuses(rehearsed).slice(0, 3)).toEqual(['verify_contract_version done', 'locate_peer done', 'accept waiting']) // prettier-ignore
  expect((await b.peers.listPeers({ states: [PeerState.PROPOSED] })).peers, 'a rehearsal changes nothing').toEqual([])

  const done = await typeJson<Shown>(b, ['acceptance', 'run', '-', '--name', 'a', '--wait', '200s'], {
    input: invitation,
  })
  const { id, peer_id: onB } = done.acceptance
  expect(done.acceptance.state).toBe('done')
  const { items } = await b.network.changeIntent({ changes: [put({ case: 'network', value: { name: 'overlay' } })] })
  const [network] = items.flatMap(({ kind }) => (kind.case === 'network' ? [kind.value.id] : []))
  const member = { networkId: network ?? '', name: 'border', nodeInstanceId: NODE }
  await b.network.changeIntent({ changes: [put({ case: 'member', value: member })] })
  await typeJson(b, `peer update a --metadata sdwan_network_id=${network} --metadata node_instance_id=${NODE}`)
  const again = await typeJson<Shown>(b, `acceptance retry ${id} sdwan_attach --wait 200s`)
  expect(again.acceptance.sdwan_attach).toMatchObject({ status: 'attached', bridge_state: 'active' })
  const { bridges } = await b.grants.listBridges({ peerId: onB })
  expect(bridges).toMatchObject([{ sdwanNetworkId: network, state: 'active' }])
  const third = await typeJson<Shown>(b, `acceptance retry ${id} sdwan_attach --wait 200s`)
  expect(third.acceptance.sdwan_attach).toMatchObject({ status: 'reused' })
  const listed = await typeJson<{ acceptances: AcceptanceRun[] }>(b, 'acceptance list')
  expect(listed.acceptances.map((one) => one.id)).toContain(id)
})

test('what can be refused is refused before anything is written or anybody asked, with what to do next', async () => {
  const { onA, invitation } = await invite(a)
  const wrong = await typeRefused(b, ['acceptance', 'run', '-', '--contract-version', '7'], { input: invitation })
  expect(wrong).toMatchObject({
    reason: 'CONTRACT_VERSION_UNSUPPORTED',
    message: 'Unsupported contract_version 7; supported: [1]',
  })
  const own = await typeRefused(a, ['acceptance', 'run', '-'], { input: invitation })
  expect(own.reason).toBe('PLATFORM_IS_SELF')
  const unknown = await typeRefused(b, `acceptance show ${onA}`)
  expect(unknown).toMatchObject({ reason: 'ACCEPTANCE_NOT_FOUND', exit: 2, next: 'fedctl acceptance list' })
})

test('an invitation that the other side has taken back ends it: it says who said no, and that stands on its approval', async () => {
  const { onA, invitation } = await invite(a)
  await a.peers.revokePeer({ peerId: onA })
  const machine = await b.operator('machine', ['agent'], { kind: 'agent' })
  const asking = machine.acceptance.runAcceptance({ acceptanceToken: invitation, contractVersion: 1 })
  const { approval_id: id = '' } = (await expectRefusal(asking, 'APPROVAL_REQUIRED')).metadata
  const approval = async () => (await b.approvals.getApproval({ approvalId: id })).approval
  await b.approvals.approve({ approvalId: id, planSha256: (await approval())?.planSha256 ?? new Uint8Array() })
  await until(async () => (await approval())?.state === 'failed')
  expect(await approval()).toMatchObject({
    failureReason: 'INVITATION_REVOKED',
    failureMessage: expect.stringMatching(/^accept transition failed: the other side refused: /),
  })
  const { exit, json } = await type<Shown>(b, `acceptance show ${id} --wait 200s -o json`)
  expect([exit, json().acceptance.state]).toEqual([5, 'failed'])
  expect(json().acceptance.failure, 'each of it is said once').toMatch(
    /^INVITATION_REVOKED: accept transition failed: the other side refused: (?!.*(INVITATION_|refused))/,
  )
})

test('it goes on where it was when our registry was away between its steps', async () => {
  const { invitation } = await invite(a)
  await a.platform.parts['federation-gateway'].pause()
  const begun = await typeJson<Shown>(b, ['acceptance', 'run', '-'], { input: invitation })
  const { id } = begun.acceptance
  await until(async () => {
    const { acceptance } = await typeJson<Shown>(b, `acceptance show ${id}`)
    return acceptance.steps.some(({ name, status }) => name === 'accept' && status === 'running')
  })
  await b.platform.parts['peer-registry'].pause()
  await a.platform.parts['federation-gateway'].resume()
  await b.platform.parts['peer-registry'].resume()
  await b.platform.serving(AbortSignal.timeout(PATIENCE_MS)) // it is started, and listens a while later
  const shown = await typeJson<Shown>(b, `acceptance show ${id} --wait 200s`)
  expect(shown.acceptance.state).toBe('done')
})
