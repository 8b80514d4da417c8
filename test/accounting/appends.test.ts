import { randomUUID } from 'node:crypto'
import type { TestDatabase } from '@powernode/postgres/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE_MS } from '../eventually.ts'
import { replica, wholeLog } from '../../services/audit-ledger/src/append/testing.ts'
import type { NewEntry } from '../../services/audit-ledger/src/new-entry.ts'
import type { Tables } from '../../services/audit-ledger/src/store/tables.ts'
import { call, testLedger } from '../../services/audit-ledger/src/testing.ts'
import { MOMENTS, openRoad, type Road } from './ambush.ts'
import { crashingPostgres, type CrashingPostgres } from './crashing-postgres.ts'

const RUNS = 216
const LANES = 4
const MESSAGES = 4
const ENTRIES = 3
/** What a replica says at each step of an append, in several statements and in one. */
const STEPS = ['start transaction', 'take_ends', 'entry.id = any', 'write_entries', 'commit', 'write_at_ends'] as const
const WHOSE_END = ['Postgres', 'the replica'] as const
const KINDS = STEPS.flatMap((step) => MOMENTS.flatMap((moment) => WHOSE_END.map((who) => ({ step, moment, who }))))

let postgres: CrashingPostgres
let ledger: TestDatabase<Tables>

beforeAll(async () => {
  postgres = await crashingPostgres()
  ledger = await testLedger(postgres.url)
})
afterAll(async () => {
  await postgres.up()
  await ledger.drop()
  await postgres.stop()
})

type Replica = ReturnType<typeof replica>
/** Entries told at once, and where it was answered that they stand. */
type Message = { readonly told: readonly NewEntry[]; readonly places: readonly number[] }

/** Tells until somebody says that it is durable: first to who may die of it, then to another. */
async function tell(told: readonly NewEntry[], first: Replica, then: Replica): Promise<Message> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  for (let to = first; ; to = then) {
    try {
      const answer = await to.appender.append(told)
      return { told, places: answer.map((said) => ('refused' in said ? Number.NaN : said.sequence)) }
    } catch (error) {
      if (giveUp.aborted) throw error
      await postgres.up()
    }
  }
}

/** One run: two replicas write to one log while the end of one of them, or of Postgres, waits at some step of the first. */
async function run([road, fairRoad]: readonly [Road, Road], log: string, number: number) {
  const kind = KINDS[number % KINDS.length]! // within it, by the remainder
  let hasStruck = false
  const strike = () => {
    hasStruck = kind.who === 'the replica' || postgres.crash()
  }
  void road.lay({ ...kind, strike })
  const [unlucky, lucky] = [replica(road.url), replica(fairRoad.url)]
  const tellInTurn = async (first: Replica, turn: number) => {
    const messages: Message[] = []
    for (let message = turn; message < MESSAGES; message += 2) {
      const told = Array.from({ length: ENTRIES }, (_, n) => call((number * MESSAGES + message) * ENTRIES + n, { log }))
      messages.push(await tell(told, first, lucky))
    }
    return messages
  }
  const tellers = await Promise.all([tellInTurn(unlucky, 0), tellInTurn(lucky, 1)])
  road.clear()
  await Promise.all([unlucky.close(), lucky.close()])
  return { tellers, hasStruck }
}

/** What is wrong with a log, given what was answered, run by run and teller by teller. */
async function accountOf(log: string, runs: readonly (readonly (readonly Message[])[])[]) {
  const rows = await wholeLog(ledger.db, log) // checks as well that no number is missing, and the tree
  const standing = new Map(rows.map(({ id, sequence }) => [id, sequence]))
  const told = runs.flat(2).flatMap((message) => message.told.map(({ id }, at) => ({ id, place: message.places[at] })))
  const placesOf = (teller: readonly Message[]) =>
    teller.flatMap((message) => message.told.map(({ id }) => standing.get(id) ?? -1))
  const isRising = (places: readonly number[]) => places.every((place, at) => place > (places[at - 1] ?? -1))
  let end = -1
  let outOfOrder = 0
  for (const tellers of runs) {
    const turns = tellers.map(placesOf)
    // Each teller's as it told them, and all of them after what had been answered before.
    if (!turns.every(isRising) || Math.min(...turns.flat()) <= end) outOfOrder++
    end = Math.max(end, ...turns.flat())
  }
  return {
    told: told.length,
    lost: told.filter(({ id }) => !standing.has(id)).length,
    duplicated: rows.length - standing.size,
    elsewhere: told.filter(({ id, place }) => standing.get(id) !== place).length,
    outOfOrder,
  }
}

test(`over ${RUNS} ends of a replica or of Postgres, between all steps, no entry is lost, doubled or out of order`, async () => {
  let begun = 0
  let struck = 0
  const counts = new Map<string, number>()
  const lane = async () => {
    const log = randomUUID()
    const roads = [await openRoad(ledger.url, postgres.up), await openRoad(ledger.url, postgres.up)] as const
    const runs: (readonly (readonly Message[])[])[] = []
    // A step may not come again in a run, and a Postgres may be down already: only those count in which it struck.
    while (struck < RUNS && begun < 3 * RUNS) {
      const number = begun++
      const { tellers, hasStruck } = await run(roads, log, number)
      runs.push(tellers)
      if (!hasStruck) continue
      struck++
      const { step, who } = KINDS[number % KINDS.length]!
      counts.set(`${who}: ${step}`, (counts.get(`${who}: ${step}`) ?? 0) + 1)
    }
    await Promise.all(roads.map((road) => road.close()))
    return accountOf(log, runs)
  }
  const accounts = await Promise.all(Array.from({ length: LANES }, lane))
  const sum = (of: keyof (typeof accounts)[number]) => accounts.reduce((all, account) => all + account[of], 0)
  const account = {
    told: sum('told'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    elsewhere: sum('elsewhere'),
    outOfOrder: sum('outOfOrder'),
  }
  const said = { struck, begun, restarts: postgres.crashes(), ...account }
  process.stdout.write(`appends: ${JSON.stringify(said)} ${JSON.stringify(Object.fromEntries(counts))}\n`)
  expect(account).toMatchObject({ lost: 0, duplicated: 0, elsewhere: 0, outOfOrder: 0 })
  expect(struck).toBeGreaterThanOrEqual(RUNS)
  expect([...counts.keys()].sort()).toEqual(WHOSE_END.flatMap((who) => STEPS.map((step) => `${who}: ${step}`)).sort())
  expect(postgres.crashes()).toBeGreaterThan(RUNS / 4)
}, 600_000)
