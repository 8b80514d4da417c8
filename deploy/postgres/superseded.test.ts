import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { keepPostgres } from '@powernode/dev/postgres-keeper'
import { startPostgres } from '@powernode/dev/postgres'
import { systemClock } from '@powernode/clock'
import { askTakeOver } from '@powernode/node-agent/take-over'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cluster } from './cluster.ts'
import { keeperOf, UNSYNCED } from './two-servers.ts'

let cluster: Cluster
beforeEach(async () => {
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
  await cluster.startChild(await cluster.admit())
  await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
})
afterEach(() => cluster.stop())

const file = () => join(cluster.two.stateDir, 'promotion.json')
const record = () => (existsSync(file()) ? JSON.parse(readFileSync(file(), 'utf8')) : {})
const steps = async (answers: AsyncIterable<{ step: string }>) => {
  const seen: string[] = []
  for await (const { step } of answers) seen.push(step)
  return seen
}

const startPrimary = async () => {
  const { primaryDir: dir, identityDir, primary } = cluster.two
  const settings = { ...UNSYNCED, max_slot_wal_keep_size: '64MB' }
  cluster.two.primary = await startPostgres({ dir, identityDir, settings, port: primary.port }, AbortSignal.any([]))
}

/** As its operator does by hand: the session itself begins read-only, and again if a fence that is still being made cut it off. */
const unfence = async () => {
  const lift = async () => {
    const admin = await cluster.two.asAdmin()
    await admin.query('set default_transaction_read_only = off')
    await admin.query('select replication_admin.unfence()')
    return 'lifted'
  }
  await expect.poll(lift).toBe('lifted')
}

test('a primary that was gone when its member was told to lead is fenced when it comes back, though nobody hears the member', async () => {
  const { two, operator } = cluster
  await expect.poll(() => steps(operator.promoteMember({ child: 'west-1', dryRun: true })).catch(() => [])).toHaveLength(7) // prettier-ignore
  await two.primary.stop()
  const forced = { child: 'west-1', reason: 'the house burned down', force: true }
  expect((await steps(operator.promoteMember(forced))).at(-1)).toBe('verify')
  await cluster.stopParent()
  await cluster.stopChild() // no line, and nobody says anything
  await startPrimary()
  cluster.startParent()
  const refused = () => two.as('liveness').then(() => '', (error: Error) => error.message) // prettier-ignore
  await expect.poll(refused).toMatch(/not permitted to log in/)
  // What the member may have said meanwhile takes nothing from what is known of its promotion.
  await expect.poll(record).toMatchObject({ step: 'done', byItself: false, reason: forced.reason })
  await unfence()
  await expect.poll(refused).toMatch(/not permitted to log in/)

  // Who was wrong about all that says so by hand, and is left alone.
  await cluster.stopParent()
  rmSync(file())
  await unfence()
  cluster.startParent()
  await two.as('liveness')
})

test('a primary that comes back and was superseded is fenced as soon as it hears of it, and the way back is as ever', async () => {
  const { two } = cluster
  // While the parent is there it is for the parent to say.
  const early = { id: '0', reason: 'a mistake', by: 'root' }
  expect(await askTakeOver(two.home, early, { clock: systemClock, withinMs: 60_000 })).toMatchObject({ ok: false })
  await cluster.stopParent()
  await two.primary.stop()
  const word = { reason: 'the house burned down', by: 'root' }
  const asked = (id: string) => askTakeOver(two.home, { id, ...word }, { clock: systemClock, withinMs: 60_000 })
  expect(await asked('1')).toMatchObject({ ok: true, detail: expect.stringContaining('timeline 2') })
  const there = await two.onReplica()
  await there.query(`create table took_over (id bigint)`)
  await cluster.stopChild() // its line is still to the parent that believes
  await startPrimary()
  const again = async (takeOver: 'believed' | 'reported') => {
    await cluster.stopParent()
    cluster.takesOver(takeOver)
    await cluster.stopChild() // its line goes with whoever was there before
    cluster.startParent()
    await cluster.startChild()
  }
  const reasons = () => cluster.said('lagging')
  await again('reported') // its word alone stops nobody's writes
  await expect.poll(reasons).toContainEqual(expect.stringContaining('leads in our place, on timeline 2'))
  expect((await cluster.shown())?.claim).toContain('on timeline 2; it is not believed')
  expect(existsSync(file())).toBe(false)
  await two.as('liveness')
  await again('believed')

  await expect.poll(() => record().step).toBe('done')
  expect(record()).toMatchObject({ byItself: true, newTimeline: 2, told: true, hostname: 'west-1' })
  expect(record().reason).toContain('root: the house burned down')
  await expect(two.as('liveness')).rejects.toThrow(/not permitted to log in/)
  expect(await cluster.words()).toContain('fenced')

  const keeping = new AbortController()
  const kept = keepPostgres(keeperOf(two), keeping.signal)
  try {
    const back = () => steps(cluster.operator.failBack({ child: 'west-1', reason: 'we are back' })).catch((error: Error) => [error.message]) // prettier-ignore
    await expect.poll(back).toContain('follow')
    await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
    const home = await two.asAdmin()
    expect((await home.query(`select to_regclass('took_over') is not null as there`)).rows).toEqual([{ there: true }])
  } finally {
    keeping.abort()
    await kept
  }
})
