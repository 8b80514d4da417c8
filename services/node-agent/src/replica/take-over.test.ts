import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger } from '@powernode/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Follower } from './follower.ts'
import type { ReplicaHome } from './replica-home.ts'
import { attendTakeOver } from './take-over.ts'

const logger = createLogger('test', { level: 'silent' })
const NOW = new Date('2026-05-01T12:00:00Z')

let dir: string
let clock: FakeClock
let stopping: AbortController
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'take-over-'))
  clock = new FakeClock(NOW)
  stopping = new AbortController()
})
afterEach(() => rmSync(dir, { recursive: true }))

const file = () => join(dir, 'take-over.json')
const order = (until: Date) =>
  writeFileSync(file(), JSON.stringify({ id: '1', reason: 'the house burned down', by: 'root', until: until.toISOString() })) // prettier-ignore

/** The replica's part: busy until it is let go, and then it does what is still wanted. */
function replica(free: Promise<void> = Promise.resolve()) {
  const did: string[] = []
  const takeOver: Follower['takeOver'] = async ({ reason, isWanted }) => {
    await free
    if (!isWanted()) throw new Error('nobody waits for it')
    did.push(reason)
    return 2
  }
  const attending = attendTakeOver({ home: { dir } as ReplicaHome, clock, logger }, { takeOver } as Follower, stopping.signal) // prettier-ignore
  const end = async () => {
    stopping.abort()
    await attending
  }
  return { did, end }
}

test('what was asked of an agent that did not run is not done when it starts, long after whoever asked has gone', async () => {
  order(NOW) // over by now
  const { did, end } = replica()
  await expect.poll(() => existsSync(file())).toBe(false)
  expect(did).toEqual([])
  order(new Date(NOW.getTime() + 60_000))
  await expect.poll(async () => (await clock.advance(500), did)).toEqual(['the house burned down'])
  await end()
})

test('a replica that was busy until nobody waited any more does not take over after all', async () => {
  const free = Promise.withResolvers<void>()
  order(new Date(NOW.getTime() + 60_000))
  const { did, end } = replica(free.promise)
  rmSync(file()) // whoever asked was told that there is no answer
  free.resolve()
  await expect.poll(() => existsSync(join(dir, 'took-over.json'))).toBe(true)
  expect(did).toEqual([])
  await end()
})
