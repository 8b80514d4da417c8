import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { generatePlatformKey, platformIdOf, signStatement } from '@powernode/identity'
import {
  AcceptanceSchema,
  AcceptResponseSchema,
  type AcceptRequest,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { Reason } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { DAY_MS } from '../invitation.ts'
import { applyDescription } from './apply-description.ts'
import { revokeInvitation } from './revoke-invitation.ts'
import { revokePeer } from './revoke-peer.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await startPlatform('a.example')
})
afterAll(() => a?.drop())

let count = 0
const someone = () => stranger(`s${++count}.example`, a.clock.now())
const invited = async () => {
  const peer = await propose(a)
  return { peer, ...(await invite(a, peer.id)) }
}
const bytes = async (answer: ReturnType<typeof redeem>) => Buffer.from(toBinary(AcceptResponseSchema, await answer))

/** The refusal leaves every row of every table as it was. */
async function refusedWithoutTrace(request: AcceptRequest, reason: Reason) {
  const before = await everything(a)
  const refusal = await expectRefusal(redeem(a, request), reason)
  expect(await everything(a)).toEqual(before)
  return refusal
}

describe('an invitation that is redeemed', () => {
  test('makes a peer whose identity, trust and contract are on record, and tells the story in order', async () => {
    const from = (await announced(a)).length
    const { peer, token } = await invited()
    const s = await someone()
    await redeem(a, s.accept(token))
    expect(await peerOn(a, peer.id)).toMatchObject({
      state: 'enrolled',
      platformId: s.platformId,
      trustDomain: s.trustDomain,
      trustMode: 'symmetric',
      contractVersion: 1,
      trustBundleSequence: 1,
      name: s.trustDomain,
    })
    expect((await announced(a)).slice(from)).toEqual([
      'peer.proposed',
      'invitation.created',
      'peer.accepted',
      'peer.enrolled',
      'invitation.redeemed',
    ])
  })

  test('answers the same acceptance again with the same bytes, and changes nothing', async () => {
    const { token } = await invited()
    const request = (await someone()).accept(token)
    const first = await bytes(redeem(a, request))
    const before = await everything(a)
    expect(await bytes(redeem(a, request))).toEqual(first)
    expect(await everything(a)).toEqual(before)
  })

  test('answers so even after it would have run out, because what is spent does not expire', async () => {
    const { token } = await invited()
    const request = (await someone()).accept(token)
    const first = await bytes(redeem(a, request))
    await a.clock.advance(2 * DAY_MS)
    expect(await bytes(redeem(a, request))).toEqual(first)
  })

  test('refuses another key, and the same key saying something else', async () => {
    const { token } = await invited()
    const s = await someone()
    await redeem(a, s.accept(token))
    await refusedWithoutTrace((await someone()).accept(token), 'INVITATION_SPENT')
    await refusedWithoutTrace(s.accept(token, { platform: s.describe({ name: 'other' }) }), 'INVITATION_SPENT')
  })

  test('gives its answer to nobody once the peering has ended', async () => {
    const { peer, token } = await invited()
    const request = (await someone()).accept(token)
    await redeem(a, request)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: peer.id, reason: '' }))
    await refusedWithoutTrace(request, 'PEER_REVOKED')
  })

  test('has one winner among twenty who redeem it at once, and one story', async () => {
    const { token } = await invited()
    const from = (await announced(a)).length
    const many = await Promise.all(Array.from({ length: 20 }, someone))
    const came = await Promise.allSettled(many.map((s) => redeem(a, s.accept(token))))
    expect(came.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const one of came)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ reason: 'INVITATION_SPENT' })
    expect((await announced(a)).slice(from)).toEqual(['peer.accepted', 'peer.enrolled', 'invitation.redeemed'])
  })

  test('gives twenty copies of one acceptance that arrive at once the same bytes', async () => {
    const { token } = await invited()
    const request = (await someone()).accept(token)
    const answers = await Promise.all(Array.from({ length: 20 }, () => bytes(redeem(a, request))))
    expect(new Set(answers.map((answer) => answer.toString('hex'))).size).toBe(1)
  })

  test('makes one platform one peer, also when it redeems two invitations in the same moment', async () => {
    const [one, two] = [await invited(), await invited()]
    const s = await someone()
    const came = await Promise.allSettled([redeem(a, s.accept(one.token)), redeem(a, s.accept(two.token))])
    expect(came.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    for (const each of came)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ reason: 'PLATFORM_ALREADY_PEERED' })
  })
})

describe('what nobody can redeem, and what it leaves behind: nothing', () => {
  test('an unknown token', async () => {
    await refusedWithoutTrace((await someone()).accept('A'.repeat(43)), 'INVITATION_UNKNOWN')
  })

  test('an invitation that ran out, to the very moment', async () => {
    const { token } = await invited()
    await a.clock.advance(DAY_MS)
    await refusedWithoutTrace((await someone()).accept(token), 'INVITATION_EXPIRED')
  })

  test('one that was taken back', async () => {
    const { token, invitation } = await invited()
    await a.act((tx, now) => revokeInvitation(tx, now, { by: BY, invitationId: invitation.id }))
    await refusedWithoutTrace((await someone()).accept(token), 'INVITATION_REVOKED')
  })

  test('one for another platform, and it does not say for which', async () => {
    const meant = await someone()
    const { id } = await propose(a, { platformId: meant.platformId })
    const { token } = await invite(a, id)
    const refusal = await refusedWithoutTrace((await someone()).accept(token), 'INVITATION_FOR_ANOTHER')
    expect(refusal.message).not.toContain(meant.platformId)
    await redeem(a, meant.accept(token))
  })

  test('an acceptance that was addressed to another platform, or signed for another token', async () => {
    const { token } = await invited()
    const s = await someone()
    const elsewhere = platformIdOf(generatePlatformKey().publicKey)
    await refusedWithoutTrace(s.accept(token, { audiencePlatformId: elsewhere }), 'INVITATION_FOR_ANOTHER')
    await refusedWithoutTrace(s.accept(token, { tokenSha256: new Uint8Array(32) }), 'ACCEPTANCE_INVALID')
  })

  test('a stolen acceptance signed by another key, and one that is no acceptance', async () => {
    const { token } = await invited()
    const s = await someone()
    await refusedWithoutTrace(s.accept(token, {}, generatePlatformKey()), 'SIGNATURE_INVALID')
    const request = s.accept(token)
    request.acceptance!.payload = Uint8Array.of(0xff, 0xff, 0xff)
    await refusedWithoutTrace(request, 'REQUEST_INVALID')
    const empty = s.accept(token)
    empty.acceptance!.payload = new Uint8Array(0)
    await refusedWithoutTrace(empty, 'SIGNATURE_INVALID')
  })

  test('a platform whose id does not follow from its key', async () => {
    const { token } = await invited()
    const s = await someone()
    const platform = s.describe({ platformId: 'a'.repeat(32) })
    await refusedWithoutTrace(s.accept(token, { platform }), 'IDENTITY_KEY_INVALID')
  })

  test.each([
    ['of low order', Buffer.concat([Buffer.of(1), Buffer.alloc(31)])],
    ['of order four', Buffer.alloc(32)],
    ['not canonical', Buffer.concat([Buffer.of(0xee), Buffer.alloc(30, 0xff), Buffer.of(0x7f)])],
  ])('an identity key that is %s', async (_, identityKey) => {
    const { token } = await invited()
    const s = await someone()
    const platform = s.describe({ identityKey, platformId: platformIdOf(identityKey) })
    await refusedWithoutTrace(s.accept(token, { platform }), 'IDENTITY_KEY_INVALID')
  })

  test('no common contract version: both windows and who has to upgrade are said', async () => {
    const { token } = await invited()
    const s = await someone()
    const platform = s.describe({ contractWindow: { min: 2, max: 4, features: [] } as never })
    const refusal = await refusedWithoutTrace(s.accept(token, { platform }), 'CONTRACT_VERSION_UNSUPPORTED')
    expect(refusal.metadata).toEqual({ ours: '1', theirs: '2 to 4', upgrade: 'this platform' })
  })

  test('neither certificate request nor trust bundle', async () => {
    const { token } = await invited()
    const s = await someone()
    await refusedWithoutTrace(s.accept(token, { trust: { case: undefined } }), 'TRUST_MATERIAL_MISSING')
  })

  test('a certificate request that proves nothing', async () => {
    const { token } = await invited()
    const s = await someone()
    const broken = await s.csr()
    const last = (broken.value as Uint8Array).length - 1
    ;(broken.value as Uint8Array)[last]! ^= 1
    await refusedWithoutTrace(s.accept(token, { trust: broken }), 'CSR_INVALID')
    const garbage = { case: 'csrDer', value: Uint8Array.of(1, 2, 3) } as const
    await refusedWithoutTrace(s.accept(token, { trust: garbage }), 'CSR_INVALID')
  })

  test('a trust bundle of another key, another trust domain, or with a root that is none', async () => {
    const { token } = await invited()
    const [s, other] = [await someone(), await someone()]
    const bundles = [
      other.bundle(),
      s.bundle({}, other.key),
      s.bundle({ trustDomain: other.trustDomain }),
      s.bundle({ roots: other.roots }),
      s.bundle({ roots: [s.authority.issuingCertificate] }),
      s.bundle({ crls: other.crls }),
    ]
    for (const value of bundles)
      await refusedWithoutTrace(s.accept(token, { trust: { case: 'trustBundle', value } }), 'BUNDLE_INVALID')
  })

  test('a platform that is our peer already, us ourselves, our trust domain, and that of another peer', async () => {
    const s = await someone()
    await redeem(a, s.accept((await invited()).token))
    const { token } = await invited()
    await refusedWithoutTrace(s.accept(token), 'PLATFORM_ALREADY_PEERED')
    const squatter = await stranger(s.trustDomain, a.clock.now())
    await refusedWithoutTrace(squatter.accept(token), 'TRUST_DOMAIN_TAKEN')
    const likeUs = await stranger('a.example', a.clock.now())
    await refusedWithoutTrace(likeUs.accept(token), 'TRUST_DOMAIN_TAKEN')
    const ourselves = likeUs.accept(token)
    const said = { platformId: a.platformId, identityKey: Uint8Array.from(a.us.key.publicKey) }
    ourselves.acceptance = signStatement(
      AcceptanceSchema,
      { ...acceptanceIn(likeUs.accept(token)), platform: likeUs.describe(said) },
      a.us.key,
    )
    await refusedWithoutTrace(ourselves, 'PLATFORM_IS_SELF')
  })

  test('an address with a password or a path in it, and text that cannot be stored', async () => {
    const { token } = await invited()
    const s = await someone()
    const at = (url: string) => s.accept(token, { platform: s.describe({ endpoints: [{ url, scope: 3 } as never] }) })
    await refusedWithoutTrace(at('https://u:p@b.example'), 'URL_INVALID')
    await refusedWithoutTrace(at('https://b.example/admin'), 'URL_INVALID')
    const nul = s.describe({ capabilities: { deep: [{ er: 'a\u0000b' }] } })
    await refusedWithoutTrace(s.accept(token, { platform: nul }), 'REQUEST_INVALID')
  })
})

describe('what a peer says of itself', () => {
  test('a name that is taken here is told apart, not refused: the redeemer learns nothing of our other peers', async () => {
    const first = await invited()
    const second = await invited()
    const [s, t] = [await someone(), await someone()]
    await redeem(a, s.accept(first.token, { platform: s.describe({ name: 'twin' }) }))
    await redeem(a, t.accept(second.token, { platform: t.describe({ name: 'twin' }) }))
    expect((await peerOn(a, first.peer.id)).name).toBe('twin')
    expect((await peerOn(a, second.peer.id)).name).toBe(`twin (${t.platformId.slice(0, 8)})`)
  })

  test('a name cannot write on the terminal of whoever reads it', async () => {
    const { peer, token } = await invited()
    const s = await someone()
    await redeem(a, s.accept(token, { platform: s.describe({ name: '\u001b[2Jb\u202eelpmaxe' }) }))
    expect((await peerOn(a, peer.id)).name).toBe('[2Jb elpmaxe')
  })

  test('while a part of its disclosure is missing it stays accepted and says so; completed, it goes on by itself', async () => {
    const { peer, token } = await invited()
    const s = await someone()
    const silent = s.describe({ disclosure: { contact: 'x', jurisdiction: '  ', platformVersion: 'x' } as never })
    await redeem(a, s.accept(token, { platform: silent }))
    expect((await peerOn(a, peer.id)).state).toBe('accepted')
    await a.act((tx, now) => applyDescription(tx, now, { peerId: peer.id, said: s.describe() }))
    expect(await peerOn(a, peer.id)).toMatchObject({ state: 'enrolled', enrolledAt: a.clock.now() })
  })

  test('it cannot describe itself as another platform', async () => {
    const { peer, token } = await invited()
    const [s, other] = [await someone(), await someone()]
    await redeem(a, s.accept(token))
    for (const said of [other.describe(), s.describe({ trustDomain: other.trustDomain })])
      await expectRefusal(
        a.act((tx, now) => applyDescription(tx, now, { peerId: peer.id, said })),
        'IDENTITY_KEY_INVALID',
      )
  })

  test('the slower beat and the longer patience of both sides are agreed', async () => {
    const { peer, token } = await invited()
    const s = await someone()
    const timers = { heartbeatInterval: { seconds: 200n }, staleAfter: { seconds: 100n } }
    await redeem(a, s.accept(token, { timers: timers as never }))
    expect((await peerOn(a, peer.id)).timers).toMatchObject({ heartbeatIntervalMs: 200_000, staleAfterMs: 600_000 })
  })

  test('a network to route to stops at accepted, whatever it brings', async () => {
    const { id } = await propose(a, { kind: 'sdwan_only' })
    const { token } = await invite(a, id)
    await redeem(a, (await someone()).accept(token))
    expect(await peerOn(a, id)).toMatchObject({ state: 'accepted', trustBundle: null })
  })
})

const acceptanceIn = (request: AcceptRequest) => fromBinary(AcceptanceSchema, request.acceptance!.payload)
