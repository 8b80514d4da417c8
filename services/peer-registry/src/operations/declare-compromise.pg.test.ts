import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { signStatement } from '@powernode/identity'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { CompromiseNoticeSchema, RevocationNoticeSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { federate, owed, peerOn, propose } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { DAY_MS } from '../invitation.ts'
import type { Compromise, Notice } from '../notice.ts'
import { checkNoticeReceipt, signCompromise } from '../notice-statements.ts'
import { envelopeBytes } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'
import { declareCompromise } from './declare-compromise.ts'
import { owedCompromises } from './owed-compromises.ts'
import { receiveCompromise } from './receive-compromise.ts'
import { revokePeer } from './revoke-peer.ts'
import { keepReceipt } from './settle-compromise.ts'
import { suspendPeer } from './suspend-peer.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const SAID = { summary: 'our signing host was broken into', affected: ['keys'], advice: 'renew what we signed' }
const declare = ({ act }: TestPlatform, peerIds: readonly string[] = [], said: Partial<Compromise> = {}) =>
  act((tx, now) => declareCompromise(tx, now, { ...SAID, discoveredAt: now, ...said, peerIds, by: BY }))
const deliveriesOf = ({ act }: TestPlatform, notice: Notice) =>
  act((tx) => deliveries.listOf(tx, notice, { afterId: undefined, limit: 99 }))
const hear = ({ act, us }: TestPlatform, peerId: string, notice: Envelope) =>
  act((tx, now) => receiveCompromise(tx, now, { us, by: { actor: 'service/federation-gateway' }, peerId, notice }))
/** What a's errand would say to b about its oldest compromise. */
const oldest = async (from: TestPlatform, peerId: string) => {
  const [first] = await from.act((tx) => owedCompromises(tx, from.us, peerId))
  return first!
}

describe('declaring that we were compromised', () => {
  test('owes it to every partner there is, suspended ones too, due a day after it was discovered', async () => {
    const { onA } = await federate(a, b)
    await a.act((tx, now) => suspendPeer(tx, now, { by: BY, peerId: onA, reason: 'we look into it' }))
    const discoveredAt = new Date(a.clock.now().getTime() - 3_600_000)
    const notice = await declare(a, [], { discoveredAt })
    expect(notice).toMatchObject({ ...SAID, kind: 'compromise', direction: 'sent', declaredBy: BY.actor })
    expect(notice.dueAt).toEqual(new Date(discoveredAt.getTime() + DAY_MS))
    expect(await deliveriesOf(a, notice)).toMatchObject([{ peerId: onA, status: 'owed', peerName: expect.any(String) }])
    expect((await owed(a, onA, 'notify_compromise')).nextAttemptAt).toEqual(a.clock.now())
    expect((await announced(a)).at(-1)).toBe('notice.declared')
  })

  test('names who cannot be told by us, so that somebody does it by hand; who is gone or not there yet is left out', async () => {
    const { onA } = await federate(a, b)
    await propose(a)
    const net = await propose(a, { kind: 'sdwan_only' })
    await a.db.updateTable('peer').set({ state: 'accepted', platform_id: 'x'.repeat(32).replaceAll('x', 'b'), identity_key: Buffer.alloc(32, 1), trust_domain: 'net.example', contract_version: 1 }).where('id', '=', net.id).execute() // prettier-ignore
    const all = await deliveriesOf(a, await declare(a))
    expect(new Map(all.map(({ peerId, status }) => [peerId, status]))).toEqual(
      new Map([
        [onA, 'owed'],
        [net.id, 'given_up'],
      ]),
    )
    expect(all.find(({ peerId }) => peerId === net.id)?.lastError).toContain('by hand')
    expect(await a.act((tx) => errands.find(tx, net.id, 'notify_compromise'))).toBeUndefined()
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    expect((await deliveriesOf(a, await declare(a))).map(({ peerId }) => peerId)).toEqual([net.id])
  })

  test('refuses what lies ahead, and partners by name who are none, and then nothing is declared', async () => {
    const { onA } = await federate(a, b)
    const { id: proposed } = await propose(a)
    const before = await everything(a)
    await expectRefusal(declare(a, [], { discoveredAt: new Date(a.clock.now().getTime() + 1) }), 'NOTICE_INVALID')
    await expectRefusal(declare(a, [onA, randomUUID()]), 'PEER_NOT_FOUND')
    await expectRefusal(declare(a, [onA, proposed]), 'PEER_NOT_ENROLLED')
    expect(await everything(a)).toEqual(before)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    await expectRefusal(declare(a, [onA]), 'PEER_REVOKED')
  })

  test('twice owes two notices, and both are told, the older first', async () => {
    const { onA } = await federate(a, b)
    const one = await declare(a)
    await a.clock.advance(1_000)
    const two = await declare(a)
    const statements = await a.act((tx) => owedCompromises(tx, a.us, onA))
    expect(statements.map(({ noticeId }) => noticeId)).toEqual([one.id, two.id])
    const again = await a.act((tx) => owedCompromises(tx, a.us, onA))
    expect(again, 'the same notice is the same bytes').toEqual(statements)
  })

  test('is told at once, also to a partner that an older one waits for', async () => {
    const { onA } = await federate(a, b)
    await declare(a)
    const tired = await owed(a, onA, 'notify_compromise')
    await a.act((tx, now) =>
      errands.postpone(tx, { ...tired, attempts: 9 }, new Date(now.getTime() + 60_000), 'no road'),
    )
    await a.clock.advance(1_000)
    await declare(a)
    expect(await owed(a, onA, 'notify_compromise')).toMatchObject({ attempts: 0, nextAttemptAt: a.clock.now() })
  })

  test('is over for a partner with whom the peering ends', async () => {
    const { onA } = await federate(a, b)
    const notice = await declare(a)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    expect(await deliveriesOf(a, notice)).toMatchObject([{ status: 'given_up', lastError: expect.stringContaining('ended') }]) // prettier-ignore
    expect(await announced(a)).toContain('notice.given_up')
    expect(await a.act((tx) => errands.find(tx, onA, 'notify_compromise'))).toBeUndefined()
  })
})

describe('hearing that a partner was compromised', () => {
  test('is kept with the receipt that was given, is news of the highest kind, and leaves the peering as it is', async () => {
    const { onA, onB } = await federate(a, b)
    const sent = await declare(a)
    const { statement } = await oldest(a, onA)
    const receipt = await hear(b, onB, statement)
    checkNoticeReceipt(receipt, { identityKey: b.us.key.publicKey, platformId: b.platformId }, statement)
    const [kept] = await b.act((tx) => notices.list(tx, { direction: 'received', kind: undefined, peerId: undefined, beforeId: undefined, limit: 9 })) // prettier-ignore
    expect(kept).toMatchObject({
      ...SAID,
      senderId: sent.id,
      peerId: onB,
      declaredBy: `peer/${onB}`,
      dueAt: sent.dueAt,
    })
    expect(kept?.id).not.toBe(sent.id)
    expect((await announced(b)).at(-1)).toBe('notice.received')
    expect((await peerOn(b, onB)).state).toBe('enrolled')

    const before = await everything(b)
    await b.clock.advance(1_000)
    const again = await hear(b, onB, statement)
    expect(envelopeBytes(again), 'the same notice has the same receipt').toEqual(envelopeBytes(receipt))
    expect(await everything(b)).toEqual(before)
  })

  test('counts only under their identity key, about this peering, and when it makes sense', async () => {
    const { onA, onB } = await federate(a, b)
    const notice = await declare(a)
    const { statement } = await oldest(a, onA)
    const before = await everything(b)
    await expectRefusal(hear(b, onB, signCompromise(b.us, notice, onB)), 'NOTICE_INVALID')
    await expectRefusal(hear(b, onB, signCompromise(a.us, notice, randomUUID())), 'NOTICE_INVALID')
    const foreign = { ...a.us, platformId: b.platformId }
    await expectRefusal(hear(b, onB, signCompromise(foreign, notice, onB)), 'NOTICE_INVALID')
    const early = { ...notice, discoveredAt: new Date(notice.declaredAt.getTime() + 1_000) }
    await expectRefusal(hear(b, onB, signCompromise(a.us, early, onB)), 'NOTICE_INVALID')
    const late = {
      ...notice,
      declaredAt: new Date('9999-12-31T23:59:59Z'),
      discoveredAt: new Date('9999-12-31T23:59:59Z'),
    }
    await expectRefusal(hear(b, onB, signCompromise(a.us, late, onB)), 'NOTICE_INVALID')
    const revocation = create(RevocationNoticeSchema, { platformId: a.platformId, peerId: onB, at: timestampFromDate(a.clock.now()) }) // prettier-ignore
    await expectRefusal(hear(b, onB, signStatement(RevocationNoticeSchema, revocation, a.us.key)), 'NOTICE_INVALID')
    expect(await everything(b)).toEqual(before)

    await hear(b, onB, statement)
    const other = { ...notice, summary: 'it was nothing' }
    await expectRefusal(hear(b, onB, signCompromise(a.us, other, onB)), 'NOTICE_INVALID')
  })

  test('shows nothing to a terminal that a terminal would obey', async () => {
    const { onB } = await federate(a, b)
    const now = timestampFromDate(a.clock.now())
    const said = { id: randomUUID(), platformId: a.platformId, peerId: onB, summary: 'bad\u001b[2Jnews', discoveredAt: now, at: now } // prettier-ignore
    await hear(b, onB, signStatement(CompromiseNoticeSchema, create(CompromiseNoticeSchema, said), a.us.key))
    const [kept] = await b.act((tx) => notices.list(tx, { direction: 'received', kind: undefined, peerId: undefined, beforeId: undefined, limit: 9 })) // prettier-ignore
    expect(kept?.summary).toBe('bad [2Jnews')
  })

  test('stops being kept when somebody makes a game of it, and is heard again the next day', async () => {
    const { onB } = await federate(a, b)
    const many = async (count: number) => {
      for (let at = 0; at < count; at++) {
        const notice = await declare(a)
        await hear(b, onB, signCompromise(a.us, notice, onB))
      }
    }
    await many(20)
    await expectRefusal(many(1), 'RATE_LIMITED')
    await b.clock.advance(DAY_MS)
    await many(1)
  })

  test('is nothing any more when the peering has ended', async () => {
    const { onA, onB } = await federate(a, b)
    await declare(a)
    const { statement } = await oldest(a, onA)
    await b.act((tx, now) => revokePeer(tx, now, { us: b.us, by: BY, peerId: onB, reason: '' }))
    await expectRefusal(hear(b, onB, statement), 'PEER_REVOKED')
  })
})

describe('a receipt', () => {
  test('counts only when it is theirs, and for this very notice', async () => {
    const { onA, onB } = await federate(a, b)
    const notice = await declare(a)
    const { noticeId, statement } = await oldest(a, onA)
    const receipt = await hear(b, onB, statement)
    const keep = (of: typeof statement) =>
      a.act((tx, now) => keepReceipt(tx, now, { peerId: onA, noticeId, statement, receipt: of, attempts: 1 }))
    await a.clock.advance(1)
    const later = await declare(a)
    const [, second] = await a.act((tx) => owedCompromises(tx, a.us, onA))
    await expectRefusal(keep(await hear(b, onB, second!.statement)), 'NOTICE_INVALID')
    await expectRefusal(keep({ ...receipt, signature: Buffer.alloc(64) }), 'NOTICE_INVALID')
    await expectRefusal(keep(statement), 'NOTICE_INVALID')
    expect(await deliveriesOf(a, notice)).toMatchObject([{ status: 'owed', receipt: null }])
    await keep(receipt)
    expect(await deliveriesOf(a, notice)).toMatchObject([{ status: 'delivered', attempts: 1, receipt: expect.any(Buffer) }]) // prettier-ignore
    expect(await deliveriesOf(a, later), 'one receipt is for one notice').toMatchObject([{ status: 'owed' }])
    expect((await announced(a)).at(-1)).toBe('notice.delivered')
    await expect(
      a.db.updateTable('notice_delivery').set({ status: 'owed', settled_at: null, receipt: null }).where('notice_id', '=', notice.id).execute(), // prettier-ignore
    ).rejects.toThrow('settled')
  })
})
