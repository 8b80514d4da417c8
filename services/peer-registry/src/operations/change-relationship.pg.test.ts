import { expectRefusal } from '@powernode/rpc/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, owed, peerOn, propose } from '../../test/handshake.ts'
import { announced, BY, everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import type { AdoptionRole } from '../peer.ts'
import { envelopeFrom, signRelationship } from '../statements.ts'
import * as errands from '../store/errands.ts'
import { adoptPeer, emancipatePeer } from './change-relationship.ts'
import { receiveRelationship } from './receive-relationship.ts'
import { revokePeer } from './revoke-peer.ts'

let a: TestPlatform
let b: TestPlatform
let pair = 0
beforeAll(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterAll(() => Promise.all([a?.drop(), b?.drop()]))

const emancipate = (of: TestPlatform, peerId: string) =>
  of.act((tx, now) => emancipatePeer(tx, now, { us: of.us, by: BY, peerId, reason: 'grown up' }))
const adopt = (of: TestPlatform, peerId: string, as: AdoptionRole) =>
  of.act((tx, now) => adoptPeer(tx, now, { us: of.us, by: BY, peerId, as, reason: '' }))
/** Carries the notice that one side owes to the other; false when it owes none. */
async function tell(from: TestPlatform, on: string, to: TestPlatform, theirs: string): Promise<boolean> {
  const errand = await from.act((tx) => errands.find(tx, on, 'notify_relationship'))
  if (!errand) return false
  const notice = envelopeFrom(errand.statement!)
  await to.act((tx, now) => receiveRelationship(tx, now, { us: to.us, by: BY, peerId: theirs, notice }))
  await from.act((tx) => errands.settle(tx, errand))
  return true
}
const relation = async (of: TestPlatform, id: string) => {
  const { spawnMode, spawnRole, adoptionOffered, adoptionOfferedByPeer } = await peerOn(of, id)
  return { spawnMode, spawnRole, adoptionOffered, adoptionOfferedByPeer }
}
/** A parent with its managed child, or two equals; each pair is of its own, so the other side's row is left behind. */
async function family(spawnMode: 'managed_child' | 'out_of_band' = 'managed_child') {
  const c = await startPlatform(`c${++pair}.example`, { clock: a.clock })
  const said = spawnMode === 'managed_child' ? { spawnMode, spawnRole: 'parent', trustMode: 'hierarchical' } as const : {} // prettier-ignore
  const { onA, onB } = await federate(a, c, said)
  return { child: c, onParent: onA, onChild: onB, end: () => c.drop() }
}

test('a child leaves: it is autonomous at once, and its parent as soon as it hears of it; the peering stays', async () => {
  const { child, onParent, onChild, end } = await family()
  const { effects } = await emancipate(child, onChild)
  expect(effects[0]).toContain('managed_child_operator ends')
  expect(await relation(child, onChild)).toMatchObject({ spawnMode: 'autonomous_peer', spawnRole: 'child' })
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'managed_child', spawnRole: 'parent' })
  await tell(child, onChild, a, onParent)
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'autonomous_peer', spawnRole: 'parent' })
  expect((await peerOn(a, onParent)).state).toBe('enrolled')
  expect((await announced(child)).at(-1)).toBe('peer.changed')
  await expectRefusal(emancipate(child, onChild), 'RELATIONSHIP_MISMATCH')
  await end()
})

test('a parent lets go in the same way, and both at once is harmless', async () => {
  const { child, onParent, onChild, end } = await family()
  await emancipate(a, onParent)
  await emancipate(child, onChild)
  await tell(a, onParent, child, onChild)
  await tell(child, onChild, a, onParent)
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'autonomous_peer' })
  expect(await relation(child, onChild)).toMatchObject({ spawnMode: 'autonomous_peer' })
  await end()
})

test('the way back takes both: one offer changes nothing, two that fit make a managed child', async () => {
  const { child, onParent, onChild, end } = await family('out_of_band')
  await adopt(child, onChild, 'child')
  await tell(child, onChild, a, onParent)
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'out_of_band', adoptionOfferedByPeer: 'child' })
  await expectRefusal(adopt(a, onParent, 'child'), 'RELATIONSHIP_MISMATCH')
  await adopt(a, onParent, 'parent')
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'managed_child', spawnRole: 'parent' })
  await tell(a, onParent, child, onChild)
  expect(await relation(child, onChild)).toMatchObject({ spawnMode: 'managed_child', spawnRole: 'child' })
  await end()
})

test('an offer can be taken back before it is taken up', async () => {
  const { child, onParent, onChild, end } = await family('out_of_band')
  await adopt(child, onChild, 'child')
  await tell(child, onChild, a, onParent)
  await emancipate(child, onChild)
  await tell(child, onChild, a, onParent)
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'out_of_band', adoptionOfferedByPeer: null })
  await end()
})

test('a notice that is old, another’s, or of another peering changes nothing', async () => {
  const { child, onParent, onChild, end } = await family()
  const remote = (await peerOn(child, onChild)).remotePeerId!
  const hear = (key: TestPlatform['us']['key'], said: Partial<Parameters<typeof signRelationship>[1]> = {}) => {
    const notice = signRelationship(key, {
      platformId: child.platformId, peerId: remote, what: 'emancipated', role: '', sequence: 5, reason: '', at: a.clock.now(), ...said,
    }) // prettier-ignore
    return a.act((tx, now) => receiveRelationship(tx, now, { us: a.us, by: BY, peerId: onParent, notice }))
  }
  const before = await everything(a)
  await expectRefusal(hear(b.us.key), 'SIGNATURE_INVALID')
  await expectRefusal(hear(child.us.key, { platformId: a.platformId }), 'SIGNATURE_INVALID')
  await expectRefusal(hear(child.us.key, { peerId: onChild }), 'SIGNATURE_INVALID')
  await expectRefusal(hear(child.us.key, { what: 'conquered' as never }), 'REQUEST_INVALID')
  expect(await everything(a)).toEqual(before)
  expect(await hear(child.us.key)).toEqual({ changed: true })
  expect(await hear(child.us.key)).toEqual({ changed: false })
  expect(await hear(child.us.key, { sequence: 4, what: 'adoption-offered', role: 'child' })).toEqual({ changed: false })
  expect(await relation(a, onParent)).toMatchObject({ spawnMode: 'autonomous_peer', adoptionOfferedByPeer: null })
  await end()
})

test('a proposal and a revoked peering have no relationship to change; a revoked one hears nothing more', async () => {
  const { id } = await propose(a)
  await expectRefusal(adopt(a, id, 'parent'), 'RELATIONSHIP_MISMATCH')
  const { child, onParent, onChild, end } = await family()
  await emancipate(child, onChild)
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onParent, reason: '' }))
  await expectRefusal(emancipate(a, onParent), 'RELATIONSHIP_MISMATCH')
  const before = await everything(a)
  await tell(child, onChild, a, onParent)
  expect(await everything(a)).toEqual(before)
  await end()
})

test('an errand that a newer notice replaced is not struck off with the older one', async () => {
  const { child, onChild, end } = await family()
  await emancipate(child, onChild)
  const first = await owed(child, onChild, 'notify_relationship')
  await a.clock.advance(1_000)
  await adopt(child, onChild, 'child')
  await child.act((tx) => errands.settle(tx, first))
  expect(await owed(child, onChild, 'notify_relationship')).toBeDefined()
  await end()
})

test('whatever both sides do, and however late their notices are: once all is told, they agree', async () => {
  const { child, onParent, onChild, end } = await family()
  const acts = fc.constantFrom('emancipate a', 'emancipate c', 'adopt a', 'adopt c', 'tell a', 'tell c')
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { minLength: 1, maxLength: 12 }), async (story) => {
      const may = (doing: Promise<unknown>) => doing.catch(() => undefined) // refused is fine: it changed nothing
      for (const act of story) {
        await a.clock.advance(1)
        if (act === 'emancipate a') await may(emancipate(a, onParent))
        if (act === 'emancipate c') await may(emancipate(child, onChild))
        if (act === 'adopt a') await may(adopt(a, onParent, 'parent'))
        if (act === 'adopt c') await may(adopt(child, onChild, 'child'))
        if (act === 'tell a') await tell(a, onParent, child, onChild)
        if (act === 'tell c') await tell(child, onChild, a, onParent)
      }
      while ((await tell(a, onParent, child, onChild)) || (await tell(child, onChild, a, onParent))) continue
      const [ours, theirs] = [await relation(a, onParent), await relation(child, onChild)]
      expect(ours.spawnMode === 'managed_child').toBe(theirs.spawnMode === 'managed_child')
      expect(ours.adoptionOffered).toBe(theirs.adoptionOfferedByPeer)
      expect(theirs.adoptionOffered).toBe(ours.adoptionOfferedByPeer)
    }),
    { numRuns: 80 },
  )
  await end()
})
