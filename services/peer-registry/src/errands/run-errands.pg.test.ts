import { until } from '@powernode/events/testing'
import { Refusal, refusalOf } from '@powernode/rpc'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startErrands } from '../../test/errands.ts'
import { federate, invite, owed, peerOn, propose, redeem, take } from '../../test/handshake.ts'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { makeBundle } from '../bundle.ts'
import { ERRAND_LEASE_MS } from '../errand.ts'
import { DAY_MS } from '../invitation.ts'
import { oweBundles, oweErrand } from '../operations/owe-errands.ts'
import { passBundle } from '../operations/pass-bundle.ts'
import { receiveRevocation } from '../operations/receive-revocation.ts'
import { receiveTrustBundle } from '../operations/receive-trust-bundle.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { signPeerCertificate } from '../operations/sign-peer-certificate.ts'
import * as authorities from '../store/authorities.ts'
import * as errands from '../store/errands.ts'
import * as platform from '../store/platform.ts'

let a: TestPlatform
let b: TestPlatform
let end: () => Promise<void> = () => Promise.resolve()
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(async () => {
  await end()
  end = () => Promise.resolve()
  await Promise.all([a.drop(), b.drop()])
})

const taken = async (ttlMs = DAY_MS) => (await take(b, (await invite(a, (await propose(a)).id, ttlMs)).text)).id
const attempts = async (id: string) => (await b.act((tx) => errands.find(tx, id, 'redeem')))?.attempts
const isGone = (of: TestPlatform, id: string, kind: Parameters<typeof errands.find>[2]) =>
  until(async () => (await of.act((tx) => errands.find(tx, id, kind))) === undefined)
/** Lets time go on until something is so: how much of it that takes is not what these tests are about. */
const untilTimePasses = ({ clock }: TestPlatform, isSo: () => Promise<boolean>) =>
  until(async () => {
    await clock.advance(1_000)
    return isSo()
  })
const unreachable = () => new Refusal('PEER_UNREACHABLE', 'no road')
const theirs = (reason: string) => new Refusal('PEER_REFUSED', 'they say no', { metadata: { peer_reason: reason } })

describe('an invitation is redeemed', () => {
  test('at once when the road is open', async () => {
    const id = await taken()
    end = startErrands(b, { accept: (request) => redeem(a, request) })
    await isGone(b, id, 'redeem')
    expect(await peerOn(b, id)).toMatchObject({ state: 'enrolled' })
  })

  test('as soon as the road is open again, and always with the same words', async () => {
    const id = await taken()
    const said: string[] = []
    let open = false
    end = startErrands(b, {
      accept: (request) => {
        said.push(Buffer.from(request.acceptance!.signature).toString('hex'))
        if (!open) throw unreachable()
        return redeem(a, request)
      },
    })
    await untilTimePasses(b, async () => ((await attempts(id)) ?? 0) >= 4)
    expect((await owed(b, id, 'redeem')).lastError).toBe('PEER_UNREACHABLE: no road')
    open = true
    await untilTimePasses(b, async () => (await attempts(id)) === undefined)
    expect((await peerOn(b, id)).state).toBe('enrolled')
    expect(said.length).toBeGreaterThanOrEqual(5)
    expect(new Set(said).size).toBe(1)
  })

  test('never more, once the other side has said no for good: the token is gone and the row says why', async () => {
    const id = await taken()
    end = startErrands(b, { accept: () => Promise.reject(theirs('INVITATION_REVOKED')) })
    await isGone(b, id, 'redeem')
    expect(await peerOn(b, id)).toMatchObject({
      state: 'proposed',
      reason: expect.stringContaining('INVITATION_REVOKED'),
    })
  })

  test('again, when what they said is only for now', async () => {
    const id = await taken()
    end = startErrands(b, { accept: () => Promise.reject(theirs('RATE_LIMITED')) })
    await until(async () => (await attempts(id)) === 1)
    expect(await peerOn(b, id)).toMatchObject({ reason: 'redeeming their invitation' })
  })

  test('soon, however long our own gateway did not know of the peer, which is not counted against the peer', async () => {
    const id = await taken()
    let refused = 0
    let knows = false
    end = startErrands(b, {
      accept: (request) => {
        if (knows) return redeem(a, request)
        refused += 1
        throw new Refusal('POLICY_STALE', 'the lease has run out')
      },
    })
    await untilTimePasses(b, async () => refused > 30)
    await until(async () => (await owed(b, id, 'redeem')).nextAttemptAt <= new Date(b.clock.now().getTime() + 500))
    expect(await attempts(id)).toBe(1)
    knows = true
    await untilTimePasses(b, async () => (await attempts(id)) === undefined)
    expect((await peerOn(b, id)).state).toBe('enrolled')
  })

  test.each(['PEER_NOT_FOUND', 'PEER_NOT_ENROLLED', 'POLICY_STALE'] as const)(
    'at once again, when our own gateway was a moment behind: %s',
    async (reason) => {
      const id = await taken()
      let refused = false
      end = startErrands(b, {
        accept: (request) => {
          if (refused) return redeem(a, request)
          refused = true
          throw new Refusal(reason, 'not heard of')
        },
      })
      await until(async () => (await attempts(id)) === 1)
      expect((await owed(b, id, 'redeem')).nextAttemptAt.getTime() - b.clock.now().getTime()).toBeLessThanOrEqual(50)
      // Whoever looks may still be between reading the clock and falling asleep by it.
      await untilTimePasses(b, async () => (await attempts(id)) === undefined)
      expect((await peerOn(b, id)).state).toBe('enrolled')
    },
  )

  test('until it runs out', async () => {
    const id = await taken(2 * 3_600_000)
    await b.clock.advance(2 * 3_600_000)
    end = startErrands(b, {})
    await isGone(b, id, 'redeem')
    expect((await peerOn(b, id)).reason).toContain('ran out before it was redeemed')
  })

  test('without waiting for peers that take the call and never answer', async () => {
    const c = await startPlatform('c.example', { clock: a.clock })
    const stuck = await taken()
    let hanging = 0
    end = startErrands(b, {
      accept: (request, { signal, requestHeader }) => {
        if (requestHeader.get('powernode-peer-id') !== stuck) return redeem(c, request)
        hanging += 1
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(unreachable())))
      },
    })
    await until(() => hanging === 1)
    const { id } = await take(b, (await invite(c, (await propose(c)).id)).text)
    await isGone(b, id, 'redeem')
    expect((await peerOn(b, id)).state).toBe('enrolled')
    await c.drop()
  })

  test('by one replica at a time; what a crashed one held is free again after its lease', async () => {
    await taken()
    const claim = () => b.act((tx, now) => errands.claimDue(tx, now, new Date(now.getTime() + ERRAND_LEASE_MS), 10))
    const both = await Promise.all([claim(), claim()])
    expect(both.flat()).toHaveLength(1)
    expect(await claim()).toEqual([])
    await b.clock.advance(ERRAND_LEASE_MS)
    expect(await claim()).toHaveLength(1)
  })

  test('by nobody else while it is under way, however long that takes', async () => {
    const id = await taken()
    let calls = 0
    const answer = Promise.withResolvers<void>()
    end = startErrands(b, {
      accept: async (request) => {
        calls += 1
        await answer.promise
        return redeem(a, request)
      },
    })
    await until(() => calls === 1)
    for (let third = 1; third <= 9; third++) {
      const { nextAttemptAt } = await owed(b, id, 'redeem')
      await b.clock.advance(ERRAND_LEASE_MS / 3)
      await until(async () => (await owed(b, id, 'redeem')).nextAttemptAt > nextAttemptAt)
    }
    answer.resolve()
    await isGone(b, id, 'redeem')
    expect(calls).toBe(1)
  })

  test('before anything that nobody waits for', async () => {
    const { onB } = await federate(a, b)
    await b.act((tx, now) => oweErrand(tx, now, onB, 'fetch_bundle'))
    await b.clock.advance(1_000)
    const c = await startPlatform('c.example', { clock: a.clock })
    await take(b, (await invite(c, (await propose(c)).id)).text)
    const [first] = await b.act((tx, now) => errands.claimDue(tx, now, now, 1))
    expect(first?.kind).toBe('redeem')
    await c.drop()
  })
})

describe('between peers', () => {
  test('a notice of revocation is told until it is heard, and then it is dated', async () => {
    const { onA, onB } = await federate(a, b)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    let down = true
    end = startErrands(a, {
      notifyRevocation: async ({ notice }) => {
        if (down) throw unreachable()
        await b.act((tx, now) => receiveRevocation(tx, now, { us: b.us, by: BY, peerId: onB, notice: notice! }))
        return {}
      },
    })
    await until(async () => (await owed(a, onA, 'notify_revocation')).attempts === 1)
    expect((await peerOn(a, onA)).notifiedAt).toBeNull()
    down = false
    await untilTimePasses(a, async () => (await peerOn(a, onA)).notifiedAt !== null)
    expect((await peerOn(a, onA)).notifiedAt).not.toBeNull()
    expect((await peerOn(b, onB)).state).toBe('revoked')
  })

  test('a notice of revocation is not forgotten because somebody stood in their place for a moment', async () => {
    const { onA } = await federate(a, b)
    await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
    let meets: 'a stranger' | 'them' = 'a stranger'
    end = startErrands(a, {
      notifyRevocation: () => {
        if (meets === 'a stranger') throw new Refusal('PEER_CERTIFICATE_NOT_TRUSTED', 'another CA')
        throw theirs('PEER_UNKNOWN')
      },
    })
    await until(async () => (await owed(a, onA, 'notify_revocation')).attempts === 1)
    meets = 'them'
    await untilTimePasses(
      a,
      async () => (await a.act((tx) => errands.find(tx, onA, 'notify_revocation'))) === undefined,
    )
    expect((await peerOn(a, onA)).notifiedAt).toBeNull()
  })

  test('our newest bundle is delivered and its receipt kept; one that lies is not counted', async () => {
    const { onA, onB } = await federate(a, b)
    await a.act(oweBundles)
    let honest = false
    end = startErrands(a, {
      publishTrustBundle: async ({ trustBundle: bundle }) => {
        const said = { us: b.us, by: BY, peerId: onB, bundle: bundle! }
        const receipt = await b.act((tx, now) => receiveTrustBundle(tx, now, said))
        if (!honest) receipt.signature.fill(0)
        return { receipt }
      },
    })
    await until(async () => (await owed(a, onA, 'deliver_bundle')).attempts === 1)
    expect((await peerOn(a, onA)).acknowledgedBundleSequence).toBe(0)
    honest = true
    await untilTimePasses(a, async () => (await peerOn(a, onA)).acknowledgedBundleSequence > 0)
    expect((await peerOn(a, onA)).acknowledgedBundleSequence).toBe(1)
  })

  test('after a backup was restored a peer that holds a later bundle of ours is taken at its word, within reason', async () => {
    const { onA, onB } = await federate(a, b)
    const forgotten = 50 // what A published after the backup was made, and B still holds
    const { generations } = await a.act(async (tx) => ({ generations: await authorities.list(tx) }))
    const later = makeBundle(a.us, generations, forgotten, a.clock.now())
    await b.act((tx, now) => receiveTrustBundle(tx, now, { us: b.us, by: BY, peerId: onB, bundle: later }))
    const sequence = async () => (await a.act((tx) => platform.read(tx))).bundleSequence
    await a.clock.advance(2 * 3_600_000)
    await a.act((tx, now) => passBundle(tx, now, { us: a.us, held: 1e9 }))
    expect(await sequence(), 'no backup is so old').toBe(1)
    await a.act(oweBundles)
    end = startErrands(a, {
      publishTrustBundle: async ({ trustBundle }) => {
        const said = { us: b.us, by: BY, peerId: onB, bundle: trustBundle! }
        return b
          .act((tx, now) => receiveTrustBundle(tx, now, said))
          .then(
            (receipt) => ({ receipt }),
            (error: unknown) => {
              const { reason, message, metadata } = refusalOf(error)!
              throw new Refusal('PEER_REFUSED', message, { metadata: { ...metadata, peer_reason: reason } })
            },
          )
      },
    })
    await untilTimePasses(a, async () => (await peerOn(a, onA)).acknowledgedBundleSequence > forgotten)
    expect(await sequence()).toBe(forgotten + 1)
    await a.act((tx, now) => passBundle(tx, now, { us: a.us, held: forgotten + 5 }))
    expect(await sequence(), 'and not again at once').toBe(forgotten + 1)
  })

  test('a certificate that another platform signs for us is renewed with a new key', async () => {
    const { onA, onB } = await federate(a, b, { trustMode: 'hierarchical' })
    const before = await peerOn(b, onB)
    await b.act((tx, now) => oweErrand(tx, now, onB, 'renew_certificate'))
    end = startErrands(b, {
      renewCertificate: async ({ csrDer }) => {
        const said = { us: a.us, by: BY, peerId: onA, csrDer }
        const chain = await a.act((tx, now) => signPeerCertificate(tx, now, said))
        return { certificateChain: chain.map((der) => Uint8Array.from(der)) }
      },
    })
    await isGone(b, onB, 'renew_certificate')
    const after = await peerOn(b, onB)
    expect(after.certificateChain[0]).not.toBe(before.certificateChain[0])
    expect(after.certificateKeySealed).not.toEqual(before.certificateKeySealed)
  })
})
