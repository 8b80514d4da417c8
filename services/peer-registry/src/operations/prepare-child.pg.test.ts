import { randomUUID } from 'node:crypto'
import { createCsr } from '@powernode/identity'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { MINUTE_MS, prepare } from '../../test/spawning.ts'
import { stranger } from '../../test/stranger.ts'
import { DAY_MS } from '../invitation.ts'
import * as certificates from '../store/certificates.ts'
import * as invitations from '../store/invitations.ts'
import { cancelChild } from './cancel-child.ts'
import { extendBootInvitation } from './extend-boot-invitation.ts'
import { issueCertificate } from './issue-certificate.ts'
import { rotateBootInvitation } from './prepare-child.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await startPlatform('a.example')
})
afterAll(() => a?.drop())

let count = 0
const someone = () => stranger(`s${++count}.example`, a.clock.now())
const open = (peerId: string) => a.act((tx, now) => invitations.lockOpen(tx, peerId, now))
const rotate = (peerId: string, ttlMs = 10 * MINUTE_MS) =>
  a.act((tx, now) => rotateBootInvitation(tx, now, { us: a.us, by: BY, peerId, ttlMs }))
const inMinutes = (minutes: number) => new Date(a.clock.now().getTime() + minutes * MINUTE_MS)
const extend = (peerId: string, expiresAt: Date) =>
  a.act((tx, now) => extendBootInvitation(tx, now, { peerId, expiresAt }))
const cancel = (peerId: string) =>
  a.act((tx, now) => cancelChild(tx, now, { us: a.us, by: BY, peerId, reason: 'cancelled' }))

describe('a child that is about to be made', () => {
  test('has a peer whose parent we are, that nobody can reach yet, and one invitation', async () => {
    const from = (await announced(a)).length
    const spawnId = randomUUID()
    const instanceId = randomUUID()
    const { peer, minted } = await prepare(a, { spawnId, instanceId, spawnMode: 'cluster_member', name: 'hub-1' })
    expect(await peerOn(a, peer.id)).toMatchObject({
      state: 'proposed',
      spawnRole: 'parent',
      spawnMode: 'cluster_member',
      name: 'hub-1',
      url: '',
      endpoints: [],
      metadata: { template: 'hub', spawn_id: spawnId, instance_id: instanceId },
    })
    expect(await open(peer.id)).toMatchObject([{ id: minted.invitation.id, bootBound: true }])
    expect((await announced(a)).slice(from)).toEqual(['peer.proposed', 'invitation.created'])
  })

  test('is one peer for one spawn, and the token of the first answer, which nobody may have heard, is dead', async () => {
    const spawnId = randomUUID()
    const first = await prepare(a, { spawnId })
    const second = await prepare(a, { spawnId })
    expect(second.peer.id).toBe(first.peer.id)
    expect(await open(first.peer.id)).toMatchObject([{ id: second.minted.invitation.id }])
    const s = await someone()
    await expectRefusal(redeem(a, s.accept(first.minted.token)), 'INVITATION_REVOKED')
    await redeem(a, s.accept(second.minted.token))
    expect(await peerOn(a, first.peer.id)).toMatchObject({ state: 'enrolled', spawnRole: 'parent' })
  })

  test('is one peer with one invitation, however many prepare it at once', async () => {
    const spawnId = randomUUID()
    const made = await Promise.all(Array.from({ length: 20 }, () => prepare(a, { spawnId })))
    expect(new Set(made.map(({ peer }) => peer.id)).size).toBe(1)
    expect(await open(made[0]!.peer.id)).toHaveLength(1)
  })

  test.each([MINUTE_MS - 1, 7 * DAY_MS + 1])('is not given an invitation of %i ms', async (ttlMs) => {
    const before = await everything(a)
    await expectRefusal(prepare(a, { ttlMs }), 'SPAWN_TTL_OUT_OF_RANGE')
    expect(await everything(a)).toEqual(before)
  })

  test('that has spoken is prepared no more', async () => {
    const spawnId = randomUUID()
    const { minted } = await prepare(a, { spawnId })
    await redeem(a, (await someone()).accept(minted.token))
    await expectRefusal(prepare(a, { spawnId }), 'BOOT_INVITATION_OVER')
  })
})

describe('the invitation of a machine', () => {
  test('takes the place of every other one, those that a person made too', async () => {
    const { peer, minted } = await prepare(a)
    const byHand = await invite(a, peer.id)
    const next = await rotate(peer.id)
    expect(await open(peer.id)).toMatchObject([{ id: next.invitation.id }])
    for (const { token } of [minted, byHand])
      await expectRefusal(redeem(a, (await someone()).accept(token)), 'INVITATION_REVOKED')
  })

  test('lives longer while the boot goes on, and never shorter', async () => {
    const { peer, minted } = await prepare(a)
    const later = inMinutes(30)
    await extend(peer.id, later)
    await extend(peer.id, inMinutes(1))
    expect((await open(peer.id))[0]?.expiresAt).toEqual(later)
    await a.clock.advance(20 * MINUTE_MS) // past its first end
    await redeem(a, (await someone()).accept(minted.token))
    await expectRefusal(extend(peer.id, inMinutes(30)), 'BOOT_INVITATION_OVER')
  })

  test('that ran out stays so, and another can be made', async () => {
    const { peer } = await prepare(a, { ttlMs: MINUTE_MS })
    await a.clock.advance(2 * MINUTE_MS)
    await expectRefusal(extend(peer.id, inMinutes(30)), 'BOOT_INVITATION_OVER')
    await redeem(a, (await someone()).accept((await rotate(peer.id)).token))
  })

  test('is not moved beyond seven days', async () => {
    const { peer } = await prepare(a)
    await expectRefusal(extend(peer.id, inMinutes(8 * 24 * 60)), 'SPAWN_TTL_OUT_OF_RANGE')
  })

  test('is the only kind that the database lets be moved, and only forward', async () => {
    const byHand = await invite(a, (await propose(a)).id)
    const { minted } = await prepare(a)
    const move = (id: string, to: Date) =>
      a.act((tx) => sql`update invitation set expires_at = ${to} where id = ${id}`.execute(tx))
    await expect(move(byHand.invitation.id, inMinutes(99_999))).rejects.toThrow(/cannot be undone/)
    await expect(move(minted.invitation.id, inMinutes(0))).rejects.toThrow(/cannot be undone/)
    await move(minted.invitation.id, inMinutes(11))
  })

  test('is made for children of ours only', async () => {
    const { id } = await propose(a)
    for (const verb of [() => rotate(id), () => extend(id, inMinutes(30)), () => cancel(id)])
      await expectRefusal(verb(), 'CHILD_NOT_FOUND')
  })
})

describe('a child that is not to be', () => {
  test('has no invitation and no peering any more, however often it is said', async () => {
    const { peer, minted } = await prepare(a)
    expect(await cancel(peer.id)).toMatchObject({ state: 'revoked', reason: 'cancelled' })
    const from = await announced(a)
    expect(await cancel(peer.id)).toMatchObject({ state: 'revoked' })
    expect(await announced(a)).toEqual(from)
    await expectRefusal(redeem(a, (await someone()).accept(minted.token)), 'INVITATION_REVOKED')
    await expectRefusal(rotate(peer.id), 'BOOT_INVITATION_OVER')
  })

  test('loses the certificates of its nodes too, whatever trust was exchanged', async () => {
    const { peer, minted } = await prepare(a)
    await redeem(a, (await someone()).accept(minted.token))
    const { csrDer } = await createCsr()
    const machine = { kind: 'instance', name: randomUUID(), csrDer, hosts: [], ttlMs: DAY_MS, peerId: peer.id } as const
    const { certificate } = await a.act((tx, now) => issueCertificate(tx, now, { us: a.us, by: BY, ...machine }))
    await cancel(peer.id)
    const [held] = (await a.act((tx) => certificates.list(tx, { kind: 'instance', spiffeIds: [], livingAt: undefined, offset: 0, limit: 100 }))).filter(({ serial }) => serial === certificate.serial) // prettier-ignore
    expect(held?.revokedAt).toEqual(a.clock.now())
  })
})
