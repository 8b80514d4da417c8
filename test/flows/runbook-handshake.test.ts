import { randomUUID } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { stranger } from '@powernode/peer-registry/testing'
import { create } from '@bufbuild/protobuf'
import { AcceptRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callDoor } from '../door-client.ts'
import { invite, twoPlatforms, type Handed, type TestPlatform } from '../mesh.ts'
import { type, typeJson } from './operator-at-keyboard.ts'
import { diagnosed, diagnosis, inDatabase, said } from './runbook.ts'

let a: TestPlatform
let b: TestPlatform
let stop: () => Promise<unknown>
let caPin: string
beforeAll(async () => {
  // Patient enough not to call a peer silent while a busy machine draws breath.
  const options = { registry: { HEARTBEAT_INTERVAL: '2s', STALE_AFTER: '5m' } }
  ;({ a, b, stop } = await twoPlatforms({ a: options, b: options }))
  ;({ caPin } = await a.peers.getPlatform({}))
})
afterAll(() => stop?.())

/** B takes up a token as it came, and where it was told to: its own id of the peering. */
async function takeUp(token: string, where: { url?: string; caPin?: string } = {}): Promise<string> {
  const { peer } = await b.peers.acceptInvitation({ invitation: token, url: a.platform.url, caPin, ...where })
  return peer?.id ?? ''
}

/** What both doctors have to say of an invitation that B could not redeem: A has to make another. */
async function expectRefused(onB: string, symptom: string): Promise<void> {
  const { verdict, exit } = await diagnosed(b, onB, symptom)
  expect(verdict).toMatchObject({ side: 'them', command: 'fedctl invite create <peer>' })
  expect(exit).toBe(1)
}

describe('"acceptance_token does not match"', () => {
  test('because it was mistyped, or mangled on its way', async () => {
    const { token } = await invite(a)
    const other = token.startsWith('A') ? 'B' : 'A'
    await expectRefused(await takeUp(other + token.slice(1)), 'token_mistyped')
    const { text } = await whole(a)
    const typed = await type<{ error: { reason: string } }>(b, ['peer', 'accept', text.slice(0, -5), '-o', 'json'])
    expect(typed.json().error.reason, 'a whole invitation has a checksum').toBe('INVITATION_MALFORMED')
  })

  test('because somebody else has used it', async () => {
    const { token } = await invite(a)
    const first = await stranger('first.example', systemClock.now())
    await callDoor(a, first.accept(token, { platform: first.describe({ endpoints: [] }) }))
    await expectRefused(await takeUp(token), 'token_spent')
  })

  test('because it ran out, which both sides see', async () => {
    const { token, onA } = await invite(a)
    await runOut(onA)
    await expectRefused(await takeUp(token), 'token_expired')
    const { verdict } = await diagnosed(a, onA, 'token_expired')
    expect(verdict).toMatchObject({ side: 'us', command: `fedctl invite create ${onA}` })
  })

  test('because it was taken back', async () => {
    const { token, onA } = await invite(a)
    const { invitations } = await a.peers.listInvitations({ peerId: onA })
    await a.peers.revokeInvitation({ invitationId: invitations[0]?.id ?? '' })
    await expectRefused(await takeUp(token), 'token_revoked')
    expect((await diagnosed(a, onA, 'token_revoked')).verdict).toMatchObject({ side: 'us' })
  })
})

test('"acceptance_token required": without one nobody is accepted, drill or not, and the invitation goes on waiting', async () => {
  const { onA } = await invite(a)
  const refused = await callDoor(a, create(AcceptRequestSchema, {})).catch((error: unknown) => refusalOf(error))
  expect(refused).toMatchObject({ reason: 'REQUEST_INVALID' })
  const { verdict, exit } = await diagnosed(a, onA, 'token_waiting')
  expect(verdict).toMatchObject({ side: 'them', command: 'fedctl peer accept <invitation>' })
  expect(exit).toBe(3)
})

describe('"the child boots, but the handshake never completes"', () => {
  test('because the door of the one that invited cannot be reached', async () => {
    const { token } = await invite(a)
    const { verdict } = await diagnosed(b, await takeUp(token, { url: 'https://127.0.0.1:9' }), 'port_silent')
    expect(verdict).toMatchObject({ side: 'them', check: 'tcp.theirs' })
  })

  test('because another CA answers there than the invitation says', async () => {
    const { token } = await invite(a)
    const { verdict } = await diagnosed(b, await takeUp(token, { caPin: '0'.repeat(64) }), 'trust_mismatch')
    expect(verdict.side).toBe('them')
  })
})

test('"the action sat in the queue and was rejected": first that it waits, then that nobody came', async () => {
  const { onA } = await invite(a)
  const robot = await a.operator('robot', ['agent'], { kind: 'agent' })
  const asked = await robot.peers
    .revokePeer({ peerId: onA, reason: 'mistake' })
    .catch((error: unknown) => refusalOf(error))
  expect(asked).toMatchObject({ reason: 'APPROVAL_REQUIRED' })
  const waiting = said(await diagnosis(a, onA), 'approvals.queue')
  expect(waiting).toMatchObject({ symptom: 'approval_pending', side: 'us' })
  const id = waiting?.command.split(' ').at(-1) ?? ''
  expect((await diagnosed(a, '', 'approval_pending')).verdict.command).toBe(`fedctl approval approve ${id}`)

  const past = `requested_at = requested_at - interval '5 hours', expires_at = expires_at - interval '5 hours'`
  await inDatabase(a, `update grant_authz.approval set ${past} where id = $1`, [id])
  expect((await diagnosed(a, '', 'approval_timed_out')).verdict.command).toBe(`fedctl approval show ${id}`)
  expect(said(await diagnosis(a, onA), 'approvals.queue')).toMatchObject({ symptom: 'approval_timed_out' })
})

test('"schema negotiation fails": the windows of contract versions do not meet', async () => {
  await a.restart('peer-registry', { CONTRACT_MIN: '2', CONTRACT_MAX: '3' })
  const { token } = await invite(a)
  const { verdict } = await diagnosed(b, await takeUp(token), 'contract_incompatible')
  expect(verdict.summary).toContain('CONTRACT_VERSION_UNSUPPORTED')
  await a.restart('peer-registry', { CONTRACT_MIN: '1', CONTRACT_MAX: '1' })
})

test('"stuck in accepted": the other side has not said who stands behind it', async () => {
  await b.restart('peer-registry', { DISCLOSURE_CONTACT: '' })
  const { token, onA } = await invite(a)
  const onB = await takeUp(token)
  await a.untilState(onA, PeerState.ACCEPTED)
  const { verdict, checks } = await diagnosed(a, onA, 'disclosure_missing')
  expect(verdict).toMatchObject({ side: 'them', summary: expect.stringContaining('contact') })
  expect(checks.find(({ name }) => name === 'tls.theirs')?.status, 'the road is not what is wrong').toBe('ok')

  await b.restart('peer-registry', { DISCLOSURE_CONTACT: 'ops@b.example' })
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  expect((await diagnosed(a, onA, 'healthy')).exit).toBe(0)
})

test('"accepted, with sdwan_attach warnings": the peer is enrolled, and the step can be run again by itself', async () => {
  const { peers } = await a.peers.listPeers({ states: [PeerState.ACTIVE] })
  const before = peers[0]?.id ?? ''
  await a.peers.revokePeer({ peerId: before, reason: 'begin anew' })
  await b.until(peers[0]?.remotePeerId ?? '', ({ state }) => state === PeerState.REVOKED)
  const { invitation } = await a.peers.repeerPeer({ peerId: before })
  const begun = await typeJson<{ acceptance: Run }>(b, ['acceptance', 'run', '-', '--wait', '150s'], {
    input: invitation?.text ?? '',
  })
  const { id, peer_id: onB } = begun.acceptance
  await typeJson(b, `peer update ${onB} --metadata sdwan_network_id=${randomUUID()}`)

  await b.platform.parts['sdwan-compiler'].pause()
  const retry = `acceptance retry ${id} sdwan_attach`
  await type(b, `${retry} --wait 150s`)
  const { verdict, exit } = await diagnosed(b, onB, 'acceptance_warned')
  expect(verdict).toMatchObject({ side: 'us', command: `fedctl ${retry}` })
  expect(exit).toBe(3)
  await b.platform.parts['sdwan-compiler'].resume()
  await typeJson(b, `${retry} --wait 150s`)
  expect((await diagnosed(b, onB, 'healthy')).exit).toBe(0)
})

describe('"401 with certificate and bearer": the other side was restored from a backup that is older than the peering', () => {
  /** B as it was before it met A: no row of it, and nothing that is remembered of one. */
  async function forgetsA(): Promise<void> {
    await inDatabase(b, `delete from peer_registry.peer where trust_domain = 'a.example'`)
    for (const part of ['peer-registry', 'federation-gateway'] as const) await b.restart(part, {})
  }

  test('and does not believe our certificate, whose CA it has never heard of', async () => {
    const { peers } = await a.peers.listPeers({ states: [PeerState.ACTIVE] })
    const onA = peers[0]?.id ?? ''
    await forgetsA()
    const { verdict, exit } = await diagnosed(a, onA, 'our_certificate_refused')
    expect(verdict).toMatchObject({ side: 'them', summary: expect.stringContaining('CERTIFICATE_NOT_TRUSTED') })
    expect(exit).toBe(1)
    await a.peers.revokePeer({ peerId: onA, reason: 'they know nothing of it' })
  })

  test('and believes our certificate, which it signed itself, and knows nobody by it', async () => {
    const { invitation } = await invite(b)
    const { peer } = await a.peers.acceptInvitation({ invitation, trustMode: TrustMode.HIERARCHICAL })
    const onA = peer?.id ?? ''
    await a.untilState(onA, PeerState.ACTIVE)
    await forgetsA()
    const { verdict } = await diagnosed(a, onA, 'unknown_there')
    expect(verdict).toMatchObject({ side: 'us', command: `fedctl peer re-peer ${onA}` })
    expect(verdict.summary).toContain('PEER_UNKNOWN')
  })
})

type Run = { readonly id: string; readonly peer_id: string }

/** As it is after its time: announced, too. */
async function runOut(onA: Handed['onA']): Promise<void> {
  const past = `expires_at = now() - interval '1 hour', expired_at = now()`
  await inDatabase(a, `update peer_registry.invitation set ${past} where peer_id = $1`, [onA])
}

async function whole(platform: TestPlatform): Promise<{ text: string }> {
  return { text: (await invite(platform)).invitation }
}
