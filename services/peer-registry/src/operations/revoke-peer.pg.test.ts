import { X509Certificate } from 'node:crypto'
import { derToPem, revokedSerials } from '@powernode/identity'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { federate, invite, owed, peerOn, propose, redeem, redemption, take } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { envelopeBytes, envelopeFrom, signNotice } from '../statements.ts'
import * as authorities from '../store/authorities.ts'
import * as errands from '../store/errands.ts'
import * as invitations from '../store/invitations.ts'
import * as peers from '../store/peers.ts'
import * as platform from '../store/platform.ts'
import { oweBundles } from './owe-errands.ts'
import { receiveRevocation } from './receive-revocation.ts'
import { repeerPeer } from './repeer-peer.ts'
import { settleNotice } from './settle-notice.ts'
import { storeCertificate } from './store-certificate.ts'
import { revokePeer } from './revoke-peer.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const revoke = ({ act, us }: TestPlatform, peerId: string, reason = 'we part') =>
  act((tx, now) => revokePeer(tx, now, { us, by: BY, peerId, reason }))
const receive = ({ act, us }: TestPlatform, peerId: string, notice: Parameters<typeof envelopeFrom>[0]) =>
  act((tx, now) =>
    receiveRevocation(tx, now, {
      us,
      by: { actor: 'service/federation-gateway' },
      peerId,
      notice: envelopeFrom(notice),
    }),
  )
const noticeOf = async (from: TestPlatform, peerId: string) =>
  (await owed(from, peerId, 'notify_revocation')).statement!

describe('revoking', () => {
  test('leaves nothing owed but the notice, though a sweep looks at the peers at that very moment', async () => {
    const { onA } = await federate(a, b)
    await a.act(async (tx, now) => {
      await revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: 'we part' })
      // Another transaction, which sees the peer as it was: live, and without our newest bundle.
      expect(await a.act(oweBundles), 'who is being revoked is owed nothing more').toBe(0)
    })
    expect(await a.act(oweBundles)).toBe(0)
    const kinds = (await a.act((tx) => errands.listOf(tx, [onA]))).map(({ kind }) => kind)
    expect(kinds).toEqual(['notify_revocation'])
  })

  test('ends the peering at once, says what it does, and owes the other side a signed notice', async () => {
    const { onA } = await federate(a, b)
    const { peer, effects } = await revoke(a, onA)
    expect(peer).toMatchObject({ state: 'revoked', reason: 'we part', revokedAt: a.clock.now() })
    expect(effects).toEqual([
      'the peering with the platform of b.example ends; it was enrolled',
      'every call of the peer is refused, on open connections too',
      'every grant to the peer is revoked',
      'the other side is told, as soon as it can be reached, by a signed notice',
    ])
    expect(await noticeOf(a, onA)).toBeInstanceOf(Buffer)
    expect((await announced(a)).at(-1)).toBe('peer.revoked')
    await expectRefusal(revoke(a, onA), 'MOVE_NOT_ALLOWED')
  })

  test('takes back every open invitation, so that a token handed out before opens nothing', async () => {
    const { id } = await propose(a)
    const [one] = [await invite(a, id), await invite(a, id)]
    const request = await redemption(b, (await take(b, one.text)).id)
    const { effects } = await revoke(a, id)
    expect(effects).toContain('2 open invitations are taken back')
    expect(effects.join()).not.toContain('the other side is told')
    await expectRefusal(redeem(a, request), 'INVITATION_REVOKED')
    const all = await a.act((tx) => invitations.list(tx, { peerId: id, afterId: undefined, limit: 9 }))
    expect(all.every(({ revokedAt }) => revokedAt !== null)).toBe(true)
  })

  test('revokes what we signed for it: on the new list, in a new bundle, for everybody to see', async () => {
    const { onA, onB } = await federate(a, b, { trustMode: 'hierarchical' })
    const leaf = new X509Certificate(Buffer.from((await peerOn(b, onB)).certificateChain[0]!, 'base64'))
    const before = await a.act((tx) => platform.read(tx))
    const { effects } = await revoke(a, onA)
    expect(effects).toContain('1 certificate we signed is revoked')
    const { crls, crlNumber } = await a.act((tx) => authorities.current(tx))
    expect(crlNumber).toBe(2)
    const serials = [...revokedSerials(crls.map((der) => derToPem(Buffer.from(der, 'base64'), 'X509 CRL')))]
    expect(serials).toContain(leaf.serialNumber.toLowerCase().replace(/^0+/, ''))
    expect((await a.act((tx) => platform.read(tx))).bundleSequence).toBe(before.bundleSequence + 1)
    expect((await announced(a)).slice(-2)).toEqual(['peer.revoked', 'certificate.revoked'])
  })

  test('forgets the key that the other side certified once they are told, also when its renewal arrives afterwards', async () => {
    const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
    const { certificateChain } = await peerOn(b, onB)
    await revoke(b, onB)
    expect((await peerOn(b, onB)).certificateChain, 'their door knows us by it when we bring the notice').toEqual(
      certificateChain,
    )
    const errand = await owed(b, onB, 'notify_revocation')
    await b.act((tx, now) => settleNotice(tx, now, { errand, why: 'PEER_UNKNOWN: they have never heard of us' }))
    expect(await peerOn(b, onB)).toMatchObject({ certificateKeySealed: null, certificateChain: [] })
    const chain = certificateChain.map((der) => Buffer.from(der, 'base64'))
    await b.act((tx, now) => storeCertificate(tx, now, { us: b.us, peerId: onB, key: Buffer.alloc(1), chain }))
    expect((await peerOn(b, onB)).certificateKeySealed).toBeNull()
  })

  test('works while a redemption of the same peer is under way: one of both happens, then the other', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await propose(a)
      const s = await stranger(`s${round}.example`, a.clock.now())
      const { token } = await invite(a, id)
      const came = await Promise.allSettled([redeem(a, s.accept(token)), revoke(a, id)])
      expect(came[1]).toMatchObject({ status: 'fulfilled' })
      expect((await peerOn(a, id)).state).toBe('revoked')
      if (came[0].status === 'rejected') expect(came[0].reason).toMatchObject({ reason: 'INVITATION_REVOKED' })
    }
  })
})

describe('a notice from the other side', () => {
  test('ends the peering here too, and nothing is owed in return', async () => {
    const { onA, onB } = await federate(a, b)
    await revoke(a, onA)
    const notice = await noticeOf(a, onA)
    const receipt = await receive(b, onB, notice)
    expect(await peerOn(b, onB)).toMatchObject({
      state: 'revoked',
      reason: 'the other side ended the peering: we part',
    })
    await expect(owed(b, onB, 'notify_revocation')).rejects.toThrow('no errand')
    const errand = await owed(a, onA, 'notify_revocation')
    await a.act((tx, now) => settleNotice(tx, now, { errand, heard: { receipt: undefined } }))
    expect((await peerOn(a, onA)).notifiedAt).toEqual(a.clock.now())
    const before = await everything(b)
    await b.clock.advance(1_000)
    expect(envelopeBytes(await receive(b, onB, notice)), 'asked for again').toEqual(envelopeBytes(receipt))
    await expectRefusal(receive(b, onB, await noticeAgain(a, onB)), 'NOTICE_INVALID')
    expect(await everything(b)).toEqual(before)
  })

  test('is no news where the peering was ended before, and nothing is signed for it', async () => {
    const { onA, onB } = await federate(a, b)
    await revoke(a, onA)
    await revoke(b, onB)
    const before = await everything(b)
    await expectRefusal(receive(b, onB, await noticeOf(a, onA)), 'PEER_REVOKED')
    expect(await everything(b)).toEqual(before)
  })

  const noticeAgain = async ({ us, platformId, clock }: TestPlatform, peerId: string) =>
    envelopeBytes(signNotice(us.key, { platformId, peerId, reason: 'again', at: clock.now() }))

  test('is refused when it is forged, replayed onto another peering, or speaks for somebody else', async () => {
    const { onB } = await federate(a, b)
    const c = await stranger('c.example', b.clock.now())
    const at = b.clock.now()
    const forged = [
      signNotice(c.key, { platformId: a.platformId, peerId: onB, reason: '', at }),
      signNotice(c.key, { platformId: c.platformId, peerId: onB, reason: '', at }),
      signNotice(a.us.key, { platformId: a.platformId, peerId: onB.replace(/^./, '9'), reason: '', at }),
      signNotice(a.us.key, { platformId: c.platformId, peerId: onB, reason: '', at }),
    ]
    const before = await everything(b)
    for (const notice of forged) await expectRefusal(receive(b, onB, envelopeBytes(notice)), 'SIGNATURE_INVALID')
    expect(await everything(b)).toEqual(before)
  })

  test('is refused for a proposal that nobody has taken up: there is no key to prove it with', async () => {
    const { id } = await propose(a)
    const notice = signNotice(b.us.key, { platformId: b.platformId, peerId: id, reason: '', at: a.clock.now() })
    await expectRefusal(receive(a, id, envelopeBytes(notice)), 'SIGNATURE_INVALID')
  })

  test('cannot write on the terminal of whoever reads its reason', async () => {
    const { onB } = await federate(a, b)
    const reason = 'bye\u0000\u001b]0;owned\u0007'
    const notice = signNotice(a.us.key, { platformId: a.platformId, peerId: onB, reason, at: b.clock.now() })
    await receive(b, onB, envelopeBytes(notice))
    expect((await peerOn(b, onB)).reason).toBe('the other side ended the peering: bye ]0;owned')
  })
})

describe('peering anew', () => {
  test('links the rows, and only the same platform can redeem', async () => {
    const { onA, onB } = await federate(a, b)
    await revoke(a, onA)
    await receive(b, onB, await noticeOf(a, onA))
    const said = { us: a.us, by: BY, peerId: onA, invite: { ttlMs: 86_400_000, note: '' } }
    const { peer, minted } = await a.act((tx, now) => repeerPeer(tx, now, said))
    if (!minted) throw new Error('it was to be invited')
    expect(peer).toMatchObject({ state: 'proposed', previousPeerId: onA, platformId: b.platformId, identityKey: null })

    const c = await stranger('c.example', a.clock.now())
    await expectRefusal(redeem(a, c.accept(minted.token)), 'INVITATION_FOR_ANOTHER')
    const again = await take(b, minted.text)
    await redeem(a, await redemption(b, again.id))
    expect(await peerOn(a, peer.id)).toMatchObject({ state: 'enrolled', platformId: b.platformId })
    expect((await peerOn(a, onA)).state).toBe('revoked')
  })

  test('is for revoked peers only', async () => {
    const { onA } = await federate(a, b)
    const said = { us: a.us, by: BY, peerId: onA, invite: { ttlMs: 86_400_000, note: '' } }
    await expectRefusal(
      a.act((tx, now) => repeerPeer(tx, now, said)),
      'MOVE_NOT_ALLOWED',
    )
  })
})

describe('a peer is found', () => {
  const find = (said: string) => a.act((tx) => peers.resolve(tx, said))

  test('by its id first: one that calls itself by another’s id or platform id is not met under it', async () => {
    const { onA } = await federate(a, b)
    await revoke(a, onA)
    const [byId, byPlatform] = [await propose(a, { name: onA }), await propose(a, { name: b.platformId })]
    expect((await find(onA)).id).toBe(onA)
    expect((await find(b.platformId)).id).toBe(onA)
    expect((await find(byId.id)).id).toBe(byId.id)
    expect((await find(byPlatform.id)).id).toBe(byPlatform.id)
  })

  test('by name while it is the only one of it that is not over, and never by a guess', async () => {
    const first = await propose(a, { name: 'north' })
    expect((await find('north')).id).toBe(first.id)
    await revoke(a, first.id)
    const second = await propose(a, { name: 'north' })
    expect((await find('north')).id).toBe(second.id)
    await expectRefusal(propose(a, { name: 'north' }), 'PEER_NAME_TAKEN')
    await expectRefusal(find('nort'), 'PEER_NOT_FOUND')
  })
})
