import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { createLogger } from '@powernode/process'
import {
  ListHeadsResponseSchema,
  ObserveHeadsResponseSchema,
  type ListHeadsResponse,
} from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { headOf, ledgerHeads, type Ledger, type LedgerHeads } from './ledger-heads.ts'

const [ONE, TWO] = ['019f0000-0000-7000-8000-000000000001', '019f0000-0000-7000-8000-000000000002']

let clock: FakeClock
let heads: LedgerHeads
let stopping: AbortController
let running: Promise<void>
let failure: Error | undefined
/** The pages that audit-ledger answers with, and from where it was asked. */
let pages: ListHeadsResponse[]
let askedFrom: bigint[]
let observed: string[][]

const ledger: Ledger = {
  async listHeads({ after = 0n }) {
    if (failure) throw failure
    askedFrom.push(after)
    return pages.shift() ?? create(ListHeadsResponseSchema, { position: after })
  },
  async observeHeads({ heads: told = [] }) {
    if (failure) throw failure
    observed.push(told.map(({ peerId, head }) => `${peerId} ${head?.checkpoint}`))
    return create(ObserveHeadsResponseSchema)
  },
}

beforeEach(() => {
  clock = new FakeClock()
  pages = []
  askedFrom = []
  observed = []
  failure = undefined
  stopping = new AbortController()
  heads = ledgerHeads({ ledger, clock, logger: createLogger('test', { level: 'silent' }) })
})
afterEach(async () => {
  stopping.abort()
  await running
})

const start = () => void (running = heads.run(stopping.signal))
const page = (peerId: string, checkpoint: string, said: { position: bigint; more?: boolean }) =>
  create(ListHeadsResponseSchema, { heads: [{ peerId, head: { checkpoint } }], ...said })

test('beats tell where our logs end, as far as audit-ledger said it lately: page by page, then what changed', async () => {
  pages = [page(ONE, 'one', { position: 5n, more: true }), page(TWO, 'two', { position: 7n })]
  start()
  await until(() => heads.ofPeer(TWO) !== undefined)
  expect([heads.ofPeer(ONE), heads.ofPeer(TWO)]).toMatchObject([{ checkpoint: 'one' }, { checkpoint: 'two' }])
  pages = [page(ONE, 'one, longer', { position: 9n })]
  await clock.advance(5_000)
  await until(() => heads.ofPeer(ONE)?.checkpoint === 'one, longer')
  expect(askedFrom).toEqual([0n, 5n, 7n])
})

test('an old head would look like a shorter log: it is not told once it could not be refreshed', async () => {
  pages = [page(ONE, 'one', { position: 1n })]
  start()
  await until(() => heads.ofPeer(ONE) !== undefined)
  failure = new ConnectError('away', Code.Unavailable)
  await clock.advance(15_000)
  expect(heads.ofPeer(ONE)).toBeDefined()
  await clock.advance(1)
  expect(heads.ofPeer(ONE)).toBeUndefined()
  failure = undefined
  await clock.advance(5_000)
  await until(() => heads.ofPeer(ONE) !== undefined)
})

test('heads of many peers are passed on in one message, the newest of each, and not again while they stay', async () => {
  start()
  heads.told(ONE, headOf('first'))
  heads.told(ONE, headOf('second'))
  heads.told(TWO, headOf('other'))
  await clock.sleeping(3)
  await clock.advance(200)
  await until(() => observed.length > 0)
  expect(observed).toEqual([[`${ONE} second`, `${TWO} other`]])
  heads.told(ONE, headOf('second'))
  heads.told(TWO, headOf('other, longer'))
  await clock.sleeping(3)
  await clock.advance(200)
  await until(() => observed.length > 1)
  expect(observed[1]).toEqual([`${TWO} other, longer`])
})

test('what could not be passed on is kept, and passed on later', async () => {
  failure = new ConnectError('away', Code.Unavailable)
  start()
  heads.told(ONE, headOf('first'))
  await clock.sleeping(3)
  await clock.advance(200)
  await clock.sleeping(3)
  failure = undefined
  await until(async () => {
    await clock.advance(500)
    return observed.length > 0
  })
  expect(observed).toEqual([[`${ONE} first`]])
})

test('a head that would make the message of all peers invalid is left out', async () => {
  start()
  heads.told(ONE, headOf('x'.repeat(4_097)))
  heads.told(ONE, headOf('\ud800'))
  heads.told(ONE, undefined)
  heads.told(TWO, headOf('x'.repeat(4_096)))
  await clock.sleeping(3)
  await clock.advance(200)
  await until(() => observed.length > 0)
  expect(observed.flat()).toHaveLength(1)
})
