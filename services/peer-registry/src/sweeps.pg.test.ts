import { until } from '@powernode/events/testing'
import { newId } from '@powernode/postgres'
import { createLogger } from '@powernode/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, invite, peerOn, propose } from '../test/handshake.ts'
import { announced, everything, PROCESS_ID, startPlatform, type TestPlatform } from '../test/platform.ts'
import { DAY_MS } from './invitation.ts'
import { expireInvitations } from './operations/expire-invitations.ts'
import { nameVersion } from './operations/name-version.ts'
import * as errands from './store/errands.ts'
import * as peers from './store/peers.ts'
import { sweep, SWEEPS } from './sweeps.ts'

let a: TestPlatform
let b: TestPlatform
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
})
afterEach(() => Promise.all([a.drop(), b.drop()]))

test('of each invitation it is said once that it ran out, by however many replicas', async () => {
  const { id } = await propose(a)
  await Promise.all([invite(a, id), invite(a, id), invite(a, id)])
  expect(await a.act(expireInvitations)).toBe(0)
  await a.clock.advance(DAY_MS)
  const rounds = await Promise.all(Array.from({ length: 5 }, () => a.act(expireInvitations)))
  expect(rounds.reduce((sum, count) => sum + count)).toBe(3)
  expect((await announced(a)).filter((kind) => kind === 'invitation.expired')).toHaveLength(3)
})

test('every sweep run when nothing is due changes nothing, however often', async () => {
  const { onA } = await federate(a, b)
  for (const { run } of Object.values(SWEEPS)) await a.act((tx, now) => run(tx, now, a.us))
  expect(await a.act((tx) => errands.find(tx, onA, 'deliver_bundle'))).toBeDefined()
  const before = await everything(a)
  for (const { run } of Object.values(SWEEPS)) await a.act((tx, now) => run(tx, now, a.us))
  expect(await everything(a)).toEqual(before)
})

test('a certificate that another platform signs for us is renewed when a third of its life is left', async () => {
  const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
  const owes = async () => {
    await b.act((tx, now) => SWEEPS['owe_renewals']!.run(tx, now, b.us))
    return (await b.act((tx) => errands.find(tx, onB, 'renew_certificate'))) !== undefined
  }
  const { certificateExpiresAt } = await peerOn(b, onB)
  await b.clock.advance(certificateExpiresAt!.getTime() - b.clock.now().getTime() - 31 * DAY_MS)
  expect(await owes()).toBe(false)
  await b.clock.advance(DAY_MS)
  expect(await owes()).toBe(true)
})

test('a sweep that fails is tried again', async () => {
  const stop = new AbortController()
  let runs = 0
  const failing = {
    everyMs: 1_000,
    run: () => {
      runs += 1
      return Promise.reject(new Error('no database'))
    },
  }
  const logger = createLogger('sweeps', { level: 'silent' })
  const running = sweep({ db: a.db, us: a.us, clock: a.clock, logger }, 'failing', failing, stop.signal)
  await until(async () => {
    await a.clock.advance(1_000)
    return runs >= 3
  })
  stop.abort()
  await running
})

/** More than one batch. */
const PEERS = 600

test('an upgrade of ours is taken in for all peers in one go, however many batches they are', async () => {
  const { onA } = await federate(a, b)
  await a.act(async (tx) => {
    const peer = await peers.lock(tx, onA)
    for (let at = 0; at < PEERS; at++) {
      const platformId = at.toString(2).replaceAll('0', 'a').replaceAll('1', 'b').padStart(32, 'c')
      const id = newId(a.clock.now())
      await peers.insert(tx, { ...peer, id, name: '', state: 'active', platformId, trustDomain: `${id}.example` })
    }
  })
  await a.act((tx, now) => nameVersion(tx, now, { processId: PROCESS_ID, version: '9.0.0' }))
  const stop = new AbortController()
  const deps = { db: a.db, us: a.us, clock: a.clock, logger: createLogger('sweep', { level: 'silent' }) }
  const sweeping = sweep(deps, 'reassess_versions', SWEEPS['reassess_versions']!, stop.signal)
  await until(async () => (await a.act((tx) => peers.list(tx, { states: ['degraded'], kind: undefined, spawnMode: undefined, afterId: undefined, limit: 2_000 }))).length === PEERS) // prettier-ignore
  stop.abort()
  await sweeping
})
