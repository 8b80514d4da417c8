import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keepPostgres } from '@powernode/dev/postgres-keeper'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Cluster } from './cluster.ts'
import { keeperOf } from './two-servers.ts'

let cluster: Cluster
let mishap: 'none' | 'does not come up' = 'none'
let keeping: AbortController
let kept: Promise<void>

const request = { child: 'west-1', reason: 'a test' }
const steps = async (answers: AsyncIterable<{ step: string }>) => {
  const seen: string[] = []
  for await (const { step } of answers) seen.push(step)
  return seen
}

const dry = () => steps(cluster.operator.promoteMember({ ...request, dryRun: true })).catch(() => [])

beforeAll(async () => {
  keeping = new AbortController()
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
  await cluster.startChild(await cluster.admit())
  const failing = () => {
    if (mishap === 'does not come up') throw new Error('the disk is full')
  }
  kept = keepPostgres(keeperOf(cluster.two, failing), keeping.signal)
})
afterAll(async () => {
  keeping.abort()
  await kept
  await cluster.stop()
})

test('a way back that was cut short, when our Postgres had become a copy already, is gone to its end by the same command', async () => {
  await expect.poll(dry).toHaveLength(7)
  await steps(cluster.operator.promoteMember(request))
  mishap = 'does not come up'
  await expect(steps(cluster.operator.failBack(request))).rejects.toThrow(/the disk is full/)
  mishap = 'none'
  const again = () => steps(cluster.operator.failBack(request)).catch((error: Error) => error.message)
  await expect.poll(again, { interval: 500 }).toContain('follow')
  await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
  const admin = await cluster.two.asAdmin()
  await admin.query('create table once_more (id bigint)')
  expect(JSON.parse(readFileSync(join(cluster.two.stateDir, 'promotion.json'), 'utf8')).step).toBe('failed_back')
})

test('a service that died when we led again lets the member in at its next start', async () => {
  await expect.poll(dry).toHaveLength(7)
  await steps(cluster.operator.promoteMember(request))
  await steps(cluster.operator.failBack(request))
  const admin = await cluster.two.asAdmin()
  await cluster.stopChild()
  await cluster.stopParent()
  await admin.query(`update spawn_provisioner.cluster_member set state = 'fenced'`) // as the copy had it
  cluster.startParent()
  await cluster.startChild()
  await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
  expect((await cluster.story()).slice(-3)).toEqual(['promoted', 'failed_back', 'streaming'])
})
