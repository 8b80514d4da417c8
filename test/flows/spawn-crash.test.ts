import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { isAlive, processesWith } from '@powernode/process'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestPlatform } from '../mesh.ts'
import { insisting } from './misfortunes.ts'
import { typeJson } from './operator-at-keyboard.ts'
import { childOf, CLEAN, isActive, isGone, machineOf, parentPlatform, slateOf, spawn, untilChild, type ChildJson } from './spawning.ts' // prettier-ignore

const STEPS = ['prepare_peer', 'create_instance', 'await_boot', 'await_accept', 'await_active'] as const
type StepName = (typeof STEPS)[number]

/** Two whole platforms start in the midst of each story, beside whatever else the machine does. */
const PATIENT = { timeout: 300_000 }

let a: TestPlatform
let tables: pg.Client
beforeAll(async () => {
  // Each service by itself, to be killed; through to disk, since a Postgres that forgets would be no fault of ours.
  a = await parentPlatform('a', { processes: true, throughToDisk: true })
  tables = new pg.Client({ connectionString: a.platform.postgresUrl.replace(/\/postgres$/, '/powernode') })
  await tables.connect()
}, 300_000)
afterAll(async () => {
  await tables?.end()
  await a?.stop()
})

/** Waits until that step of a child is being taken, or was. */
async function until(hostname: string, step: StepName): Promise<void> {
  const giveUp = AbortSignal.timeout(240_000)
  const sql = `select 1 from spawn_provisioner.step
               where name = $1 and status <> 'pending'
                 and child_id = (select id from spawn_provisioner.child where hostname = $2)`
  while (!giveUp.aborted) {
    if ((await tables.query(sql, [step, hostname])).rowCount) return
    await systemClock.sleep(10, giveUp)
  }
  throw new Error(`${step} was never begun`)
}

const killService = () => a.platform.parts['spawn-provisioner'].kill()
const killMachine = (child: Pick<ChildJson, 'instance'>) => {
  for (const pid of processesWith(machineOf(a, child))) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}

/** One of everything, and nothing of another. */
async function expectOneChild(child: ChildJson): Promise<void> {
  const slate = await slateOf(a)
  expect(slate).toMatchObject({ peers: [child.peer_id], invitations: [], living: [child.hostname], orphans: [] })
  expect([slate.machines.length, slate.instances]).toEqual([1, [child.hostname]])
}

async function end(hostname: string): Promise<void> {
  const { id } = await childOf(a, hostname)
  await typeJson(a, ['child', 'terminate', id, '--reason', 'test'])
  await untilChild(a, id, isGone)
  expect(await slateOf(a)).toEqual(CLEAN)
}

describe('kill -9 of spawn-provisioner', () => {
  test('while each step is being taken, of one child: it is made all the same, once', PATIENT, async () => {
    const requestId = randomUUID()
    const ask = () => spawn(a, 'killed', 'managed_child', '--request-id', requestId)
    const asked = ask().catch(() => undefined) // it may die before it has answered
    for (const step of STEPS) {
      await until('killed', step) // by itself: nobody has asked again
      killService()
    }
    await asked
    const again = await insisting(ask) // whose answer was lost asks again, and is given no second child
    const child = await untilChild(a, 'killed', isActive)
    expect(again.child.id).toBe(child.id)
    await a.untilState(child.peer_id, PeerState.ACTIVE)
    await expectOneChild(child)
    await end('killed')
  })

  test.each(STEPS)(
    'when it is cancelled while %s is being taken, and again while that is undone',
    PATIENT,
    async (step) => {
      const hostname = `ended-at-${step.replaceAll('_', '-')}`
      const asked = spawn(a, hostname, 'managed_child').catch(() => undefined)
      await until(hostname, step)
      await asked
      const { id } = await childOf(a, hostname)
      const ending = typeJson(a, ['child', 'terminate', id, '--reason', 'test']).catch(() => undefined)
      await untilChild(a, id, ({ state }) => state === 'undoing' || state === 'gone')
      killService()
      await ending
      await untilChild(a, id, isGone)
      expect(await slateOf(a)).toEqual(CLEAN)
    },
  )
})

test(
  'a token that is rotated while the machine starts, again and again: the last one brings it up',
  PATIENT,
  async () => {
    await spawn(a, 'rotated', 'autonomous_peer')
    await until('rotated', 'await_boot')
    for (let round = 0; round < 3; round += 1) await typeJson(a, 'child rotate-token rotated')
    const child = await untilChild(a, 'rotated', (now) => isActive(now) || isGone(now))
    expect(child.reason).toBe('it came up federated')
    await expectOneChild(child)
    await end('rotated')
  },
)

describe('kill -9 in the machine', () => {
  test('of its agent, again and again: it begins anew, and the child becomes active', PATIENT, async () => {
    // Each part of it by itself, to be killed.
    const apart = ['provider', 'create', 'apart', '--kind', 'process', '--set', 'processes=true']
    await typeJson(a, [...apart, '--region', 'apart', '--type', 'parts=1,1GiB,8GiB'])
    await spawn(a, 'agent', 'managed_child', '--region', 'apart', '--type', 'parts')
    await until('agent', 'await_accept')
    const { instance } = await childOf(a, 'agent')
    const agents = () =>
      processesWith(join('services', 'node-agent')).filter((pid) => processesIn(instance).includes(pid))
    for (let round = 0; round < 3; round += 1) {
      for (const pid of agents()) process.kill(pid, 'SIGKILL')
      await systemClock.sleep(200, AbortSignal.timeout(1_000))
    }
    const child = await untilChild(a, 'agent', isActive)
    await expectOneChild(child)
    await end('agent')
    await typeJson(a, 'provider delete apart')
  })

  test(
    'of the whole machine before it has spoken: it is given up when its time is over, and nothing is left',
    PATIENT,
    async () => {
      await spawn(a, 'dead', 'managed_child', '--token-ttl', '1m')
      await until('dead', 'await_boot')
      const child = await untilChild(a, 'dead', ({ instance }) => instance !== null)
      killMachine(child)
      const gone = await untilChild(a, child.id, ({ state }) => state === 'gone' || state === 'active')
      if (gone.state === 'active')
        await end('dead') // it was started again, which is as well
      else expect(gone.reason).toMatch(/progress|stopped|gone/)
      expect(await slateOf(a)).toEqual(CLEAN)
    },
  )
})

const processesIn = (instance: ChildJson['instance']) => processesWith(machineOf(a, { instance }))
