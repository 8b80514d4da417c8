import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { until } from '@powernode/events/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENT, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'
import { becomePeers, type, typeJson, typeRefused } from './operator-at-keyboard.ts'

type Delivery = { peer_name: string; status: string; receipted: boolean; attempts: number; last_error: string }
type Notice = {
  id: string
  kind: string
  direction: string
  summary: string
  affected: string[]
  delivered: number
  owed: number
  sender_id: string
  due_at: string
  discovered_at: string
  deliveries: Delivery[]
}

let a: TestPlatform
let b: TestPlatform
let c: TestPlatform
let toC: Road
beforeAll(async () => {
  toC = await openRoad(() => c.platform.ports.door)
  const patient = { registry: PATIENT }
  ;[a, b, c] = await Promise.all([
    TestPlatform.start('a', patient),
    TestPlatform.start('b', patient),
    TestPlatform.start('c', { registry: { ...PATIENT, ...endpointsOf(toC) } }),
  ])
  await becomePeers(a, b)
  const { invitation } = await typeJson<{ invitation: { text: string } }>(a, `peer propose ${toC.url} --name c`)
  await typeJson(c, ['peer', 'accept', '-', '--name', 'a', '--wait', '150s'], { input: invitation.text })
})
afterAll(async () => {
  toC?.close()
  await Promise.all([a?.stop(), b?.stop(), c?.stop()])
})

const shown = (of: TestPlatform, id: string) =>
  typeJson<{ notice: Notice }>(of, ['notice', 'show', id]).then(({ notice }) => notice)
const received = async (of: TestPlatform) =>
  (await typeJson<{ notices: Notice[] }>(of, 'notice list --direction received')).notices
const by = (deliveries: readonly Delivery[], name: string) => deliveries.find(({ peer_name: peer }) => peer === name)

const DECLARE = ['notice', 'declare', 'our signing host was broken into', '--affected', 'keys,grants', '--advice', 'renew what we signed', '--discovered', '2h'] // prettier-ignore

test('a compromise is told to every partner, suspended or away, and each signs that it has heard it', async () => {
  await typeJson(a, 'peer suspend b')
  toC.weather = 'cut'
  const rehearsed = await typeJson<{ notice: Notice; dry_run: boolean }>(a, [...DECLARE, '--dry-run'])
  expect(rehearsed).toMatchObject({ dry_run: true, notice: { owed: 2 } })
  expect(await received(b)).toEqual([])

  const { notice } = await typeJson<{ notice: Notice }>(a, DECLARE)
  expect(Date.parse(notice.due_at) - Date.parse(notice.discovered_at)).toBe(86_400_000)
  await until(async () => by((await shown(a, notice.id)).deliveries, 'b')?.receipted === true)
  await until(async () => (by((await shown(a, notice.id)).deliveries, 'c')?.attempts ?? 0) > 0)
  expect(by((await shown(a, notice.id)).deliveries, 'c')).toMatchObject({ status: 'owed', receipted: false })
  await until(async () => /c +owed +- .*PEER_UNREACHABLE/.test((await type(a, ['notice', 'show', notice.id])).out))

  toC.weather = 'fair'
  await until(async () => (await shown(a, notice.id)).owed === 0)
  const settled = await shown(a, notice.id)
  expect(settled.deliveries.map(({ status, receipted }) => [status, receipted])).toEqual([
    ['delivered', true],
    ['delivered', true],
  ])
  for (const partner of [b, c]) {
    const [heard] = await received(partner)
    expect(heard).toMatchObject({ summary: notice.summary, affected: ['keys', 'grants'], sender_id: notice.id })
    expect((await type(partner, ['notice', 'show', heard!.id])).out).toContain('peer suspend')
    const page = await type(partner, 'peer show a')
    expect(page.out).toMatch(new RegExp(`compromised +${notice.summary}, it said`))
    expect(page.out).toContain(`notice show ${heard!.id}`)
    const { peers } = await partner.peers.listPeers({})
    expect(await partner.ledgerOf(peers[0]!.id, 'federation.notice.received')).toContain('federation.notice.received')
    expect(peers[0]!.state, 'what follows is for their operators to decide').not.toBe(PeerState.SUSPENDED)
  }
})

test('a peering that ends is a notice as well, kept on both sides with its receipt', async () => {
  await typeJson(a, ['peer', 'revoke', 'c', '--reason', 'we part', '--yes', '--wait', '150s'])
  const { notices } = await typeJson<{ notices: Notice[] }>(a, 'notice list --kind revocation')
  expect(notices).toMatchObject([{ direction: 'sent', summary: 'we part', delivered: 1, owed: 0 }])
  expect((await shown(a, notices[0]!.id)).deliveries).toMatchObject([{ status: 'delivered', receipted: true }])
  expect((await received(c)).find(({ kind }) => kind === 'revocation')).toMatchObject({ summary: 'we part' })
})

test('who is no partner any more is not told, and what cannot be is said so', async () => {
  const { notice } = await typeJson<{ notice: Notice }>(a, ['notice', 'declare', 'again', '--wait', '150s'])
  expect(notice.deliveries).toMatchObject([{ peer_name: 'b', status: 'delivered', receipted: true }])
  expect(await typeRefused(a, ['notice', 'declare', 'x', '--peer', 'c'])).toMatchObject({ reason: 'PEER_REVOKED' })
  expect(await typeRefused(a, ['notice', 'declare', 'x', '--discovered', '2999-01-01T00:00:00Z'])).toMatchObject({
    reason: 'NOTICE_INVALID',
  })
  expect(await typeRefused(a, 'notice show 01980000-0000-7000-8000-000000000000')).toMatchObject({
    reason: 'NOTICE_NOT_FOUND',
  })
})
