import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { invite, propose, redeem, redemption, store, take } from '../../test/handshake.ts'
import { answeredOrRefused } from '../../test/hostile.ts'
import { BY, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { LIVE, type Peer } from '../peer.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import { failRedemption } from './fail-redemption.ts'
import { receiveRevocation } from './receive-revocation.ts'
import { recordHeard, recordSilent } from './record-liveness.ts'
import { repeerPeer } from './repeer-peer.ts'
import { resumePeer } from './resume-peer.ts'
import { revokePeer } from './revoke-peer.ts'
import { settleNotice } from './settle-notice.ts'
import { suspendPeer } from './suspend-peer.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

const all = ({ act }: TestPlatform): Promise<Peer[]> =>
  act((tx) => peers.list(tx, { states: [], kind: undefined, spawnMode: undefined, afterId: undefined, limit: 1_000 }))

/** What operators, liveness and the other side may do at any time, to any peer. */
const ACTS: Readonly<Record<string, (of: TestPlatform, other: TestPlatform, peer: Peer) => Promise<unknown>>> = {
  suspend: ({ act }, _, { id }) => act((tx, now) => suspendPeer(tx, now, { by: BY, peerId: id, reason: '' })),
  resume: ({ act }, _, { id }) => act((tx, now) => resumePeer(tx, now, { by: BY, peerId: id, reason: '' })),
  revoke: ({ act, us }, _, { id }) => act((tx, now) => revokePeer(tx, now, { us, by: BY, peerId: id, reason: '' })),
  repeer: ({ act, us }, _, { id }) =>
    act((tx, now) => repeerPeer(tx, now, { us, by: BY, peerId: id, invite: { ttlMs: 86_400_000, note: '' } })),
  heard: ({ act }, _, { id }) => act((tx, now) => recordHeard(tx, now, { peerId: id, toldAt: now })),
  silent: ({ act }, _, { id }) => act((tx, now) => recordSilent(tx, now, { peerId: id, toldAt: now, why: 'quiet' })),
  notice: deliverNotice,
  handshake: async (of, other, { id }) => {
    const { text } = await invite(of, id)
    const { id: there } = await take(other, text, { trustMode: id.endsWith('0') ? 'hierarchical' : 'symmetric' })
    await carry(of, other, there)
  },
  lostAnswer: async (of, other, { id }) => {
    const { text } = await invite(of, id)
    await redeem(of, await redemption(other, (await take(other, text)).id))
  },
  redeemAgain: (of, other, { id }) => carry(other, of, id),
}

/** What runErrands does for a redemption, the road being open: of's peer redeems with `inviter`. */
async function carry(inviter: TestPlatform, of: TestPlatform, peerId: string): Promise<void> {
  const errand = await of.act((tx) => errands.find(tx, peerId, 'redeem'))
  if (!errand) return
  const came = redeem(inviter, await redemption(of, peerId)).then((answer) => store(of, errand, answer))
  const reason = await answeredOrRefused(came)
  if (reason !== 'answered') await of.act((tx, now) => failRedemption(tx, now, errand, { why: reason }))
}

async function deliverNotice(of: TestPlatform, other: TestPlatform, { id, platformId }: Peer): Promise<void> {
  const errand = await of.act((tx) => errands.find(tx, id, 'notify_revocation'))
  if (!errand) return
  // The other gateway finds the peer by the certificate of the caller: the live peering with that platform.
  const there = await other.act((tx) => peers.findByPlatform(tx, of.platformId))
  if (there && platformId === other.platformId)
    await answeredOrRefused(
      other.act((tx, now) =>
        receiveRevocation(tx, now, { us: other.us, by: BY, peerId: there.id, notice: envelopeFrom(errand.statement!) }),
      ),
    )
  await of.act((tx, now) => settleNotice(tx, now, { errand, heard: { receipt: undefined } }))
}

test('in whatever order things are done on both sides, all is refused or done, and each side has one live peering at most', async () => {
  const steps = fc.array(
    fc.record({
      onA: fc.boolean(),
      what: fc.constantFrom('propose', 'handshake', 'revoke', 'notice', ...Object.keys(ACTS)),
      which: fc.nat(),
    }),
    { minLength: 40, maxLength: 80 },
  )
  const done = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(steps, async (walk) => {
      for (const { onA, what, which } of walk) {
        const [of, other] = onA ? [a, b] : [b, a]
        await a.clock.advance(1)
        const rows = await all(of)
        const peer = rows[rows.length - 1 - (which % Math.min(rows.length, 4))]
        const act = ACTS[what]
        const came = peer && act ? act(of, other, peer) : propose(of)
        const reason = await answeredOrRefused(came)
        done.set(`${what} ${reason}`, (done.get(`${what} ${reason}`) ?? 0) + 1)
        for (const side of [a, b]) {
          const live = (await all(side)).filter(({ state, platformId }) => platformId && LIVE.includes(state))
          expect(live.length).toBeLessThanOrEqual(1)
        }
      }
    }),
    { numRuns: 4, endOnFailure: true },
  )
  expect(done.get('handshake answered') ?? 0, 'the walk leads somewhere').toBeGreaterThan(0)
  expect(done.get('revoke answered') ?? 0).toBeGreaterThan(0)
})
