import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { createMetrics } from '@powernode/process'
import { TickSchema, type Ask, type Position } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Follower } from './follower.ts'
import { begun, position as positionFrame, type Said } from './frames.ts'
import { logger, type Update } from './testing/fixture.ts'

/** One life of a stream, from the feed's end: what the reader has said, and what it is told. */
type Life = {
  readonly from: Position | undefined
  readonly asks: Ask[]
  tell(...updates: Update[]): Promise<void>
  break(): void
}

let clock: FakeClock
let nowMs: number
let lives: Life[]
let applied: Update[]
let replaced: boolean[]
let takes: (update: Update) => void | Promise<void>
let follower: Follower<Update>
let stop: AbortController
let running: Promise<void>

beforeEach(async () => {
  clock = new FakeClock()
  nowMs = 0
  lives = []
  applied = []
  replaced = []
  takes = () => {}
  stop = new AbortController()
  follower = new Follower<Update>({
    feed: 'things',
    open,
    reader: 'test',
    clock,
    logger,
    metrics: createMetrics('test'),
    begin: (replaces) => void replaced.push(replaces),
    apply: (update) => {
      applied.push(update)
      return takes(update)
    },
    elapsedMs: () => nowMs,
  })
  running = follower.run(stop.signal)
  await until(() => lives[0]?.asks.length === 1)
})
afterEach(async () => {
  stop.abort()
  await running
})

async function* open(requests: AsyncIterable<{ said: Said }>, signal: AbortSignal): AsyncGenerator<{ update: Update }> {
  const said = requests[Symbol.asyncIterator]()
  const first = await said.next()
  if (first.done || first.value.said.case !== 'begin') throw new Error('a reader begins')
  const asks: Ask[] = []
  const waiting: { update: Update; taken: () => void }[] = []
  let wake = Promise.withResolvers<void>()
  let isBroken = false
  lives.push({
    from: first.value.said.value.position,
    asks,
    async tell(...updates) {
      for (const update of updates)
        await new Promise<void>((taken) => {
          waiting.push({ update, taken })
          wake.resolve()
        })
    },
    break() {
      isBroken = true
      wake.resolve()
    },
  })
  const listen = async () => {
    for (let next = await said.next(); !next.done; next = await said.next())
      if (next.value.said.case === 'ask') asks.push(next.value.said.value)
  }
  void listen()
  signal.addEventListener('abort', () => wake.resolve())
  while (!signal.aborted) {
    const next = waiting.shift()
    if (next) {
      yield { update: next.update }
      next.taken() // whoever takes asks for more when it has taken it in
    } else if (isBroken) throw new Error('the stream breaks')
    else {
      await wake.promise
      wake = Promise.withResolvers()
    }
  }
}

const at = (epoch: number, mark = 1): Update => positionFrame({ epoch: BigInt(epoch), mark: Buffer.alloc(16, mark) })
const tick = (number: number | bigint, leaseMs = 1_000): Update => ({
  case: 'tick',
  value: create(TickSchema, { number: BigInt(number), leaseMs }),
})
const thing = (name: string): Update => ({ case: 'thing', value: { name, value: 1 } })
const life = (): Life => lives.at(-1)!
const lastAsk = (): bigint => life().asks.at(-1)!.number
/** Lets the time pass after which a reader asks again, on both clocks. */
async function asksAgain(): Promise<void> {
  const asked = lastAsk()
  nowMs += 250
  await clock.advance(250)
  await until(() => lastAsk() > asked)
}

test('nothing is believed before all was told and an ask was answered', async () => {
  await life().tell(begun(true), thing('a'))
  await life().tell(tick(1))
  expect(follower.fresh, 'a tick inside a snapshot vouches for nothing').toBe(false)
  await life().tell(at(1))
  expect(follower.fresh).toBe(false)
  await until(() => life().asks.length === 2)
  await life().tell(tick(2))
  expect(follower.fresh).toBe(true)
  nowMs = 999
  expect(follower.fresh).toBe(true)
  nowMs = 1_000
  expect(follower.fresh).toBe(false)
})

test('the lease counts from the moment the ask was sent: a tick that arrives late prolongs nothing', async () => {
  await life().tell(begun(true), at(1))
  await until(() => life().asks.length === 2)
  const asked = lastAsk()
  nowMs = 999 // frozen road, or a paused process: the answer is old when it comes
  await life().tell(tick(asked))
  expect(follower.fresh).toBe(true)
  nowMs = 1_000
  expect(follower.fresh).toBe(false)
  await life().tell(tick(asked))
  expect(follower.fresh, 'an answer told twice answers once').toBe(false)
})

test('a tick that overtakes nothing shortens nothing: the youngest answered ask counts', async () => {
  await life().tell(begun(true), at(1))
  await until(() => life().asks.length === 2)
  await asksAgain()
  await life().tell(tick(3), tick(2))
  nowMs = 1_249
  expect(follower.fresh).toBe(true)
  nowMs = 1_250
  expect(follower.fresh).toBe(false)
})

test('SpiceDB 1.54-1.57 (reads extended a cached expiry): nothing that is read, and nobody who reads, extends a lease', async () => {
  await life().tell(begun(true), thing('a'), at(1))
  await until(() => life().asks.length === 2)
  await life().tell(tick(2))
  for (nowMs = 0; nowMs < 1_000; nowMs += 50) {
    expect(follower.fresh).toBe(true)
    await life().tell(thing('a'), at(2 + nowMs)) // what is told, and read again and again, is no tick
  }
  expect(follower.fresh).toBe(false)
})

test('OpenFGA #3155 (a fill races an invalidation): what is filled in carries the epoch it was read at, and no other', async () => {
  await life().tell(begun(true), thing('a'))
  expect(follower.position, 'half a fill has no epoch').toBeUndefined()
  await life().tell(at(7))
  expect(follower.position?.epoch).toBe(7n)
  const gone: Update = { case: 'gone', value: 'a' }
  await life().tell(gone)
  expect(follower.position?.epoch, 'half an invalidation has none either').toBe(7n)
  await until(() => life().asks.length === 2)
  expect(life().asks.map(({ position }) => position?.epoch)).toEqual([undefined, 7n])
  await life().tell(at(8))
  await until(() => life().asks.length === 3)
  expect(life().asks.at(-1)!.position?.epoch).toBe(8n)
})

test('a lease that a feed grants beyond what those who revoke wait for is cut to that', async () => {
  await life().tell(begun(true), at(1))
  await until(() => life().asks.length === 2)
  await life().tell(tick(2, 60_000))
  nowMs = 4_999
  expect(follower.fresh).toBe(true)
  nowMs = 5_000
  expect(follower.fresh).toBe(false)
})

test('it is acknowledged what was taken in, and only when that has had its effect', async () => {
  await life().tell(begun(true), at(1))
  await until(() => life().asks.length === 2)
  const cutting = Promise.withResolvers<void>()
  takes = () => cutting.promise
  const telling = life().tell(thing('a'), at(2))
  await until(() => applied.length === 1)
  await asksAgain()
  expect(life().asks.at(-1)!.position?.epoch).toBe(1n)
  cutting.resolve()
  await telling
  await until(() => life().asks.at(-1)!.position?.epoch === 2n)
})

test('what can be taken in only by half is believed no more, and asked for from the start', async () => {
  await life().tell(begun(true), at(1))
  await until(() => life().asks.length === 2)
  await life().tell(tick(2))
  expect(follower.fresh).toBe(true)
  takes = () => Promise.reject(new Error('no room'))
  void life().tell(thing('a'))
  await until(async () => {
    await clock.advance(20)
    return lives.length === 2
  })
  expect(follower.fresh).toBe(false)
  expect(life().from).toBeUndefined()
})

test('a stream that breaks is continued from where it had come, and what was granted stands as long as it was granted', async () => {
  await life().tell(begun(true), at(3))
  await until(() => life().asks.length === 2)
  await life().tell(tick(2), thing('a'))
  life().break()
  await until(async () => {
    await clock.advance(20)
    return lives.length === 2
  })
  expect(life().from?.epoch).toBe(3n)
  expect(follower.fresh).toBe(true)
  await life().tell(begun(false))
  expect(replaced).toEqual([true, false])
  expect(
    life().asks.every(({ position }) => position === undefined),
    'nothing is acknowledged on it yet',
  ).toBe(true)
  await life().tell(tick(1))
  nowMs = 1_000
  expect(follower.fresh, 'and nothing vouched for').toBe(false)
})

test('a snapshot that breaks off is begun anew', async () => {
  await life().tell(begun(true), at(3))
  life().break()
  const again = async (count: number) => {
    await clock.advance(20)
    return lives.length === count
  }
  await until(() => again(2))
  await life().tell(begun(true), thing('a'))
  life().break()
  await until(() => again(3))
  expect(life().from).toBeUndefined()
})

test('a stream on which nothing is heard is given up, whatever the network thinks of it', async () => {
  await life().tell(begun(true), at(1))
  const [first] = lives
  await until(async () => {
    await clock.advance(1_000)
    return lives.length === 2
  })
  expect(first!.asks.length).toBeGreaterThan(20)
})
