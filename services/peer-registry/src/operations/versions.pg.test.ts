import { newId } from '@powernode/postgres'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { invite, peerOn, propose, redeem } from '../../test/handshake.ts'
import { announced, BY, everything, PROCESS_ID, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { stranger } from '../../test/stranger.ts'
import { standingOf, NO_SURROUNDINGS } from '../standing.ts'
import * as versionRules from '../store/version-rules.ts'
import type { VersionRule } from '../version.ts'
import { applyDescription } from './apply-description.ts'
import { nameVersion, withdrawVersion } from './name-version.ts'
import { reassessVersions } from './reassess-versions.ts'
import { recordHeard } from './record-liveness.ts'
import { removeVersionRule, setVersionRule } from './set-version-rule.ts'

let a: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
})
afterEach(() => a?.drop())

const heard = (peerId: string) => a.act((tx, now) => recordHeard(tx, now, { peerId, toldAt: now }))
const weAre = (version: string, processId = PROCESS_ID) =>
  a.act((tx, now) => nameVersion(tx, now, { processId, version }))
const reassess = () => a.act((tx, now) => reassessVersions(tx, now, { by: BY }))
// oxlint-disable-next-line max-params -- a pair, what is said of it, and how many were seen
const allow = (localVersion: string, remoteVersion: string, said: Partial<VersionRule> = {}, expected?: number) =>
  a.act((tx, now) =>
    setVersionRule(tx, now, {
      by: BY,
      rule: { localVersion, remoteVersion, status: 'compatible', refusedKinds: [], notes: '', ...said },
      seen: { expected },
    }),
  )
const removed = (id: string, expected?: number) =>
  a.act((tx, now) => removeVersionRule(tx, now, { id, seen: { expected } }))

let count = 0
/** A platform of some version that has accepted, and how it describes itself anew. */
async function peerOf(platformVersion: string) {
  const { id } = await propose(a)
  const s = await stranger(`v${++count}.example`, a.clock.now())
  const { token } = await invite(a, id)
  const saying = (version: string) =>
    s.describe({ disclosure: { contact: 'x', jurisdiction: 'x', platformVersion: version, releaseTag: 'x' } as never })
  await redeem(a, s.accept(token, { platform: saying(platformVersion) }))
  const isNow = (version: string) =>
    a.act((tx, now) => applyDescription(tx, now, { peerId: id, said: saying(version) }))
  return { id, isNow }
}

test('a peer of a version that works with ours is active with its first beat; one that does not is heard, and stays enrolled', async () => {
  const near = await peerOf('1.3.0')
  const far = await peerOf('2.0.0')
  await Promise.all([heard(near.id), heard(far.id)])
  expect(await peerOn(a, near.id)).toMatchObject({ state: 'active', versionStatus: 'compatible' })
  const stuck = await peerOn(a, far.id)
  expect(stuck).toMatchObject({
    state: 'enrolled',
    versionStatus: 'incompatible',
    reason:
      'by their versions (ours 1.2.3, theirs 2.0.0) only heartbeats and statements pass: major versions differ: 1 here, 2 there',
  })
  expect(standingOf(stuck, NO_SURROUNDINGS)).toMatchObject({
    openItems: ['its platform version 2.0.0 is incompatible with ours: only heartbeats and statements pass (fedctl version list)'], // prettier-ignore
    next: expect.stringContaining('fedctl version list'),
  })
})

test('a peer that is upgraded too far is active no more, and says why; beats alone do not bring it back, a version that works does', async () => {
  const { id, isNow } = await peerOf('1.2.3')
  await heard(id)
  await isNow('1.9.0')
  expect(await peerOn(a, id)).toMatchObject({
    state: 'degraded',
    versionStatus: 'incompatible',
    reason:
      'by their versions (ours 1.2.3, theirs 1.9.0) only heartbeats and statements pass: minor versions are 7 apart, and one is the most',
  })
  await heard(id)
  expect((await peerOn(a, id)).state).toBe('degraded')
  await isNow('1.3.0')
  expect(await peerOn(a, id)).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining('works with ours again'),
  })
  await heard(id)
  expect(await peerOn(a, id)).toMatchObject({ state: 'active', versionStatus: 'compatible' })
  expect((await announced(a)).slice(-4)).toEqual(['peer.changed', 'peer.degraded', 'peer.changed', 'peer.active'])
})

test('an upgrade of ours is a new standing with every peer, taken in once however often it is looked at', async () => {
  const [old, current] = [await peerOf('1.1.0'), await peerOf('1.3.0')]
  await Promise.all([heard(old.id), heard(current.id)])
  await weAre('1.3.0')
  expect(await reassess()).toBe(1)
  expect(await peerOn(a, old.id)).toMatchObject({ state: 'degraded', versionStatus: 'incompatible' })
  expect(await peerOn(a, current.id)).toMatchObject({ state: 'active', versionStatus: 'compatible' })
  const before = await everything(a)
  expect(await reassess()).toBe(0)
  await weAre('1.3.0')
  expect(await everything(a)).toEqual(before)
})

test('a rule says who stands otherwise by it, holds for whoever comes later, and is gone when it is removed', async () => {
  const { id } = await peerOf('2.0.0')
  const { rule, changed } = await allow('1', '2', {
    status: 'degraded',
    refusedKinds: ['skill', 'agent'],
    notes: 'tried',
  })
  expect(rule).toMatchObject({ source: 'operator', setBy: BY.actor })
  expect(changed.map(({ peer, before, after }) => [peer.id, before, after])).toEqual([[id, 'incompatible', 'degraded']])
  await reassess()
  await heard(id)
  expect(await peerOn(a, id)).toMatchObject({
    state: 'active',
    versionStatus: 'degraded',
    refusedKinds: ['skill', 'agent'],
  })

  const later = await peerOf('2.1.0')
  expect((await peerOn(a, later.id)).versionStatus).toBe('degraded')

  const again = await allow('1', '2', { status: 'compatible' })
  expect(again.rule.id).toBe(rule.id)
  expect(again.changed).toHaveLength(2)
  await reassess()
  expect((await peerOn(a, id)).refusedKinds).toEqual([])

  await expectRefusal(removed(rule.id), 'VERSION_RULE_CUTS_OFF')
  await expectRefusal(removed(rule.id, 1), 'VERSION_RULE_CUTS_OFF')
  const { changed: back } = await removed(rule.id, 2)
  expect(back.map(({ after }) => after)).toEqual(['incompatible', 'incompatible'])
  await reassess()
  expect(await peerOn(a, id)).toMatchObject({ state: 'degraded', versionStatus: 'incompatible' })
  await expectRefusal(removed(rule.id), 'VERSION_RULE_NOT_FOUND')
})

test('kinds are refused to degraded versions only', async () => {
  await expectRefusal(allow('1', '2', { refusedKinds: ['skill'] }), 'REQUEST_INVALID')
})

test('what came with the release goes after our own, and nobody removes or changes it', async () => {
  const shipped: VersionRule = {
    id: newId(a.clock.now()),
    localVersion: '1',
    remoteVersion: '2',
    status: 'compatible',
    source: 'default',
    refusedKinds: [],
    notes: '',
    setBy: 'release',
    setAt: a.clock.now(),
  }
  await a.act((tx) => versionRules.put(tx, shipped))
  const { id } = await peerOf('2.0.0')
  expect((await peerOn(a, id)).versionStatus).toBe('compatible')
  await expectRefusal(removed(shipped.id), 'VERSION_RULE_FIXED')
  await expect(a.act((tx) => versionRules.remove(tx, shipped.id))).rejects.toThrow('comes with the release')
  expect((await allow('1', '2', { status: 'incompatible' }, 1)).rule.id).not.toBe(shipped.id)
  await reassess()
  expect((await peerOn(a, id)).versionStatus).toBe('incompatible')
})

test('the database does not let a peer be active with whom only heartbeats pass', async () => {
  const { id } = await peerOf('1.2.3')
  await heard(id)
  const forced = a.act((tx) => sql`update peer set version_status = 'incompatible' where id = ${id}`.execute(tx))
  await expect(forced).rejects.toThrow('peer_active_is_compatible')
})

test('a peer that takes its version back is incompatible; one that never said it is only accepted', async () => {
  const silent = await peerOf('')
  expect(await peerOn(a, silent.id)).toMatchObject({ state: 'accepted', versionStatus: '' })
  const { id, isNow } = await peerOf('1.2.3')
  await heard(id)
  await isNow('')
  expect(await peerOn(a, id)).toMatchObject({
    state: 'degraded',
    reason: expect.stringContaining("remote peer didn't report a platform_version"),
  })
  await silent.isNow('1.2.3')
  expect(await peerOn(a, silent.id)).toMatchObject({ state: 'enrolled', versionStatus: 'compatible' })
})

test('a pair of versions has one rule, however its numbers are written', async () => {
  await allow('1.2', '2.0', { status: 'incompatible' })
  const { rule } = await allow('1.02', '02.0')
  expect(await a.act(versionRules.list)).toMatchObject([{ id: rule.id, localVersion: '1.2', status: 'compatible' }])
})

test('what a peer says of itself is kept as one line, which no terminal obeys', async () => {
  const odd = await peerOf('1.3.0')
  await odd.isNow('\u001b[2J\n1.3.0\u009b1A\u202e')
  const { disclosure, reason } = await peerOn(a, odd.id)
  expect(disclosure.platformVersion).toBe('[2J 1.3.0 1A')
  expect(reason).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

test('while an upgrade rolls we are of the later version, until its last process has ended or is not heard any more', async () => {
  const [old, next] = [PROCESS_ID, newId(a.clock.now())]
  await weAre('1.3.0', next)
  expect(await weAre('1.2.3', old), 'the older one starts again').toBe('1.3.0')
  await a.act((tx, now) => withdrawVersion(tx, now, { processId: next }))
  expect(await weAre('1.2.3', old)).toBe('1.2.3')
  await weAre('1.10.0', next)
  await a.clock.advance(50_000)
  expect(await weAre('1.2.3', old), 'ten is later than two').toBe('1.10.0')
  await a.clock.advance(20_000)
  expect(await weAre('1.2.3', old), 'it was killed').toBe('1.2.3')
})

test('a process that was told no version takes nobody’s standing away; as long as none ever was, nothing is compared', async () => {
  const { id, isNow } = await peerOf('1.2.3')
  await heard(id)
  expect(await weAre('')).toBe('1.2.3')
  expect(await reassess()).toBe(0)
  expect(await peerOn(a, id)).toMatchObject({ state: 'active', versionStatus: 'compatible' })

  await a.act((tx) => sql`update platform set platform_version = ''`.execute(tx))
  expect(await weAre('')).toBe('')
  await isNow('9.0.0')
  await reassess()
  expect(await peerOn(a, id)).toMatchObject({ state: 'active', versionStatus: '' })
})

test('a rule by which more than half would stand worse is not set by whoever has not seen it', async () => {
  const some = [await peerOf('1.2.3'), await peerOf('1.3.0'), await peerOf('1.3.1')]
  await Promise.all(some.map(({ id }) => heard(id)))
  await expectRefusal(allow('1', '1', { status: 'incompatible' }), 'VERSION_RULE_CUTS_OFF')
  await expectRefusal(allow('1', '1', { status: 'degraded' }, 2), 'VERSION_RULE_CUTS_OFF')
  expect(await a.act(versionRules.list)).toEqual([])
  expect((await allow('1', '1.2', { status: 'incompatible' })).worse, 'one of three').toBe(1)
  expect((await allow('1', '1.3', { status: 'degraded', refusedKinds: ['skill'] }, 2)).worse).toBe(2)
  expect((await allow('1', '1.3', { status: 'degraded', refusedKinds: ['skill', 'agent'] }, 2)).worse).toBe(2)
  expect((await allow('1', '1.3', { status: 'degraded', refusedKinds: ['agent'] })).worse, 'refused less').toBe(0)
})
