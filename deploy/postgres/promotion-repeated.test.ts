import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Fence } from '../../services/spawn-provisioner/src/replication/promotion/fence.ts'
import { Cluster } from './cluster.ts'

let cluster: Cluster

const request = { child: 'west-1', reason: 'a test' }
const file = () => join(cluster.two.stateDir, 'promotion.json')
const record = () => JSON.parse(readFileSync(file(), 'utf8'))
const promote = async (said: object = {}) => {
  const steps: string[] = []
  for await (const { step } of cluster.operator.promoteMember({ ...request, ...said })) steps.push(step)
  return steps
}

beforeAll(async () => {
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
  const admin = await cluster.two.asAdmin()
  await admin.query('create table liveness.beat (id bigint primary key)')
  await admin.query('grant select, insert on liveness.beat to liveness')
  await cluster.startChild(await cluster.admit())
})
afterAll(() => cluster.stop())

/** The member takes writes, and nobody can write here: not by a login, and not by a session that the gate lets write. */
async function expectOnePrimary(): Promise<void> {
  const there = await cluster.two.atPromoted('liveness')
  await there.query('insert into liveness.beat select coalesce(max(id), 0) + 1 from liveness.beat')
  await expect(cluster.two.as('liveness')).rejects.toThrow(/not permitted to log in/)
  const ours = await cluster.two.asProvisioner()
  expect((await ours.query('show transaction_read_only')).rows).toEqual([{ transaction_read_only: 'on' }])
}

test('two replicas of the service do not fence at once: whoever comes second is refused, and touches nothing', async () => {
  const { config } = cluster.deps
  const keepRole = cluster.two.membership.roleName
  const first = new Fence({ config, clock: systemClock, keepRole })
  const second = new Fence({ config, clock: systemClock, keepRole })
  try {
    await first.gate()
    await expect(second.lift()).rejects.toThrow(/another/)
    expect((await first.facts()).fenced).toBe(true)
    await first.lift()
    await first.close()
    await expect.poll(async () => (await second.facts()).fenced).toBe(false) // its lock goes with its connection
  } finally {
    await second.close()
  }
})

test('asked for twice at once it is done once, and neither takes the fence of the other away', async () => {
  await expect.poll(() => promote({ dryRun: true }).catch(() => [])).toHaveLength(7)
  const answers = await Promise.allSettled([promote(), promote()])
  expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  await expectOnePrimary()
  expect(record()).toMatchObject({ step: 'done', newTimeline: 2, failure: '' })
})

test('asked for again, because the answer was lost or nobody knows how it went, the fence stays: there is one primary', async () => {
  expect((await promote()).at(-1)).toBe('verify') // once more
  await expectOnePrimary()
  expect(record()).toMatchObject({ step: 'done', newTimeline: 2, failure: '' })

  writeFileSync(file(), JSON.stringify({ ...record(), step: 'in_doubt', newTimeline: 0 }))
  await cluster.stopChild()
  // Its line may stand for a moment longer than it does.
  await expect(promote()).rejects.toThrow(/no line|did not answer/)
  await cluster.startChild()
  await expect.poll(() => promote().catch(() => [])).toContain('verify')
  await expectOnePrimary()

  rmSync(file()) // it lies on another host: that of the replica which promoted
  await expect(promote({ force: true })).rejects.toThrow(/nothing here says for whom/)
  await expectOnePrimary()
})
