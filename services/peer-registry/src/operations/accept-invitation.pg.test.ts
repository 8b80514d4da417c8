import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { federate, invite, owed, peerOn, propose, redeem, redemption, store, take } from '../../test/handshake.ts'
import { announced, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { DAY_MS, encodeInvitation, mintToken } from '../invitation.ts'
import { failRedemption } from './fail-redemption.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const invitationOfA = async () => (await invite(a, (await propose(a)).id)).text

/** An invitation of somebody who may be anybody. */
const invitationOf = async (trustDomain: string, said: object = {}) => {
  const s = await stranger(trustDomain, a.clock.now())
  const text = encodeInvitation({
    token: mintToken(),
    urls: [`https://${trustDomain}:8443`],
    identityKey: Buffer.from(s.key.publicKey),
    platformName: trustDomain,
    trustDomain,
    caPin: Buffer.alloc(32),
    window: { min: 1, max: 1, features: [] },
    expiresAt: new Date(a.clock.now().getTime() + DAY_MS),
    ...said,
  })
  return { s, text }
}

describe('an invitation taken up', () => {
  test('contacts nobody: a row, a signed statement and a sealed token that an errand carries over', async () => {
    const text = await invitationOfA()
    const peer = await take(b, text, { name: 'platform-a' })
    expect(peer).toMatchObject({ state: 'proposed', weRedeem: true, platformId: a.platformId, name: 'platform-a' })
    const errand = await owed(b, peer.id, 'redeem')
    expect(errand.nextAttemptAt).toEqual(b.clock.now())
    const { acceptanceToken } = await redemption(b, peer.id)
    expect(JSON.stringify(await everything(b)), 'the token rests sealed').not.toContain(acceptanceToken)
    expect(JSON.stringify(await everything(b))).not.toContain(Buffer.from(acceptanceToken).toString('hex'))
    expect(await announced(b)).toEqual(['peer.proposed'])
  })

  test('a second time, or twenty times at once, is the same peer and the same statement', async () => {
    const text = await invitationOfA()
    const taken = await Promise.all(Array.from({ length: 20 }, () => take(b, text, { name: 'platform-a' })))
    expect(new Set(taken.map(({ id }) => id)).size).toBe(1)
    const before = await everything(b)
    await take(b, text)
    expect(await everything(b)).toEqual(before)
  })

  test('under hierarchical trust keeps the key here and sends only a request for it', async () => {
    const peer = await take(b, await invitationOfA(), { trustMode: 'hierarchical' })
    expect((await peerOn(b, peer.id)).certificateKeySealed).toBeInstanceOf(Buffer)
    expect(peer.revision).toBe((await peerOn(b, peer.id)).revision)
    expect(await announced(b)).toEqual(['peer.proposed'])
  })

  test('whose redemption failed says why, forgets the token, and goes on with a new invitation in the same row', async () => {
    const { id } = await take(b, await invitationOfA())
    const errand = await owed(b, id, 'redeem')
    await b.act((tx, now) => failRedemption(tx, now, errand, { why: 'they said no' }))
    expect(await peerOn(b, id)).toMatchObject({ state: 'proposed', reason: 'they said no' })
    await expect(owed(b, id, 'redeem')).rejects.toThrow('no errand')
    expect((await take(b, await invitationOfA())).id).toBe(id)
  })

  test('as a bare token needs its URL, and pins what the operator was told', async () => {
    const { token } = await invite(a, (await propose(a)).id)
    await expectRefusal(take(b, token), 'URL_INVALID')
    const peer = await take(b, token, { url: 'https://a.example:8443/', caPin: 'ab'.repeat(32) })
    expect(peer).toMatchObject({ url: 'https://a.example:8443', platformId: null, caPin: Buffer.alloc(32, 0xab) })
  })
})

describe('what is refused without asking the other side leaves nothing behind', () => {
  const refused = async (text: string, reason: Parameters<typeof expectRefusal>[1]) => {
    const before = await everything(b)
    await expectRefusal(take(b, text), reason)
    expect(await everything(b)).toEqual(before)
  }

  test('an invitation of our own, expired, of no common contract, or of a peer we have', async () => {
    await refused((await invite(b, (await propose(b)).id)).text, 'PLATFORM_IS_SELF')
    await refused((await invitationOf('x.example', { expiresAt: a.clock.now() })).text, 'INVITATION_EXPIRED')
    const later = { window: { min: 2, max: 3, features: [] } }
    await refused((await invitationOf('x.example', later)).text, 'CONTRACT_VERSION_UNSUPPORTED')
    await federate(a, b)
    await refused(await invitationOfA(), 'PLATFORM_ALREADY_PEERED')
  })

  test('our own trust domain, and that of another peer', async () => {
    await refused((await invitationOf('b.example')).text, 'TRUST_DOMAIN_TAKEN')
    await federate(a, b)
    await refused((await invitationOf('a.example')).text, 'TRUST_DOMAIN_TAKEN')
  })

  test('an address in plain text, or with a path', async () => {
    await refused((await invitationOf('x.example', { urls: ['http://x.example'] })).text, 'URL_INVALID')
    await refused((await invitationOf('x.example', { urls: ['https://x.example/a'] })).text, 'URL_INVALID')
  })

  test('neither invitation nor token', async () => {
    await refused('come in', 'INVITATION_MALFORMED')
    await refused((await invitationOfA()).slice(0, -7), 'INVITATION_MALFORMED')
  })
})

describe('the whole handshake', () => {
  test('symmetric: both sides hold the other one’s bundle, and the token is forgotten', async () => {
    const { onA, onB } = await federate(a, b)
    const [ofB, ofA] = [await peerOn(a, onA), await peerOn(b, onB)]
    expect(ofB).toMatchObject({
      state: 'enrolled',
      remotePeerId: onB,
      platformId: b.platformId,
      trustMode: 'symmetric',
    })
    expect(ofA).toMatchObject({
      state: 'enrolled',
      remotePeerId: onA,
      platformId: a.platformId,
      trustMode: 'symmetric',
    })
    expect(ofA.timers).toEqual(ofB.timers)
    expect(ofA.features).toEqual(ofB.features)
    expect(ofA.caPin).toBeNull()
    await expect(owed(b, onB, 'redeem')).rejects.toThrow('no errand')
    expect(await announced(b)).toEqual(['peer.proposed', 'peer.accepted', 'peer.enrolled'])
  })

  test('hierarchical: the inviter signs under a forced name, and the key fits', async () => {
    const said = { trustMode: 'hierarchical', spawnRole: 'parent', spawnMode: 'managed_child' } as const
    const { onA, onB } = await federate(a, b, said)
    expect(await peerOn(a, onA)).toMatchObject({ state: 'enrolled', trustMode: 'hierarchical', spawnRole: 'parent' })
    const ofA = await peerOn(b, onB)
    expect(ofA).toMatchObject({ state: 'enrolled', spawnRole: 'child', spawnMode: 'managed_child' })
    expect(ofA.certificateChain).toHaveLength(3)
    expect(ofA.certificateExpiresAt?.getTime()).toBeGreaterThan(b.clock.now().getTime())
    expect(await announced(a)).toContain('certificate.issued')
  })

  test('said again after the answer was lost ends in the same place', async () => {
    const { id } = await take(b, await invitationOfA())
    const request = await redemption(b, id)
    await redeem(a, request) // the answer is lost
    const errand = await owed(b, id, 'redeem')
    const answer = await redeem(a, await redemption(b, id))
    await store(b, errand, answer)
    const before = await everything(b)
    await store(b, errand, answer)
    expect(await everything(b)).toEqual(before)
    expect((await peerOn(b, id)).state).toBe('enrolled')
  })
})
