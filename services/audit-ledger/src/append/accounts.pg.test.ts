import { randomInt, randomUUID } from 'node:crypto'
import { unluckyRoad, type TestDatabase } from '@powernode/postgres/testing'
import { expect, test } from 'vitest'
import type { NewEntry } from '../new-entry.ts'
import type { Tables } from '../store/tables.ts'
import { call, testLedger } from '../testing.ts'
import { replica, wholeLog } from './testing.ts'

const RUNS = 200
const LANES = 8
/** What the client says at each step of an append, in one statement and in several. */
const STEPS = ['start transaction', 'take_ends', 'entry.id = any', 'write_entries', 'commit', 'write_at_ends'] as const

let cuts = 0

/**
 * One bad moment: a road that is cut after the nth time of some step, by which a replica writes while another writes to the same
 * log. Whatever was not answered is told again, to either. Returns what was told, and what was answered.
 */
async function accident(ledger: TestDatabase<Tables>, log: string, lane: number, run: number) {
  const step = STEPS[run % STEPS.length] ?? 'commit'
  let left = 1 + randomInt(2)
  const road = await unluckyRoad(ledger.url, (said) => {
    const isNow = said.includes(step) && --left === 0
    if (isNow) cuts++
    return isNow
  })
  const [unlucky, lucky] = [replica(road.url), replica(ledger.url)]
  const first = (lane * RUNS + run) * 100
  const told = Array.from({ length: 12 }, (_, n) => call(first + n, { log }))
  const tell = async (items: readonly NewEntry[], to: typeof lucky) => {
    try {
      return await to.appender.append(items)
    } catch {
      return lucky.appender.append(items) // nobody said that it is durable
    }
  }
  const answers = await Promise.all(
    [0, 3, 6, 9].map((at, n) => tell(told.slice(at, at + 3), n % 2 === 0 ? unlucky : lucky)),
  )
  await Promise.all([unlucky.close(), lucky.close()])
  await road.close()
  return { told, answered: answers.flat() }
}

test(`in ${RUNS} accidents between all steps nothing is lost, nothing doubled, and every answer is where the entry stands`, async () => {
  const ledger = await testLedger()
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const log = randomUUID()
    const places = new Map<string, number>()
    for (let run = 0; run < RUNS / LANES; run++) {
      const { told, answered } = await accident(ledger, log, lane, run)
      for (const [at, { id }] of told.entries()) {
        const place = answered[at]
        if (!place || 'refused' in place) throw new Error(`entry ${id} was refused`)
        places.set(id, place.sequence)
      }
    }
    // Also checks that no number is missing, and that the tree is that of the leaves.
    const standing = new Map((await wholeLog(ledger.db, log)).map(({ id, sequence }) => [id, sequence]))
    expect(standing).toEqual(places)
    expect(standing.size).toBe((RUNS / LANES) * 12)
  })
  await Promise.all(lanes)
  expect(cuts).toBeGreaterThan(RUNS / 4) // the rest was over before its step came again
  await ledger.drop()
}, 120_000)
