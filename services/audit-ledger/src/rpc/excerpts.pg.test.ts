import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { checkProof } from '@powernode/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eraseEntries } from '../operations/erase/erase-entries.ts'
import { NOW } from '../testing.ts'
import { append, call, doorsOf, grow, line, sign, twoSides, type Side } from '../testing/mirrors.ts'

let a: Side
let drop: () => Promise<void>
beforeEach(async () => {
  ;({ a, drop } = await twoSides())
})
afterEach(() => drop())

const DAY_MS = 86_400_000
const ago = (days: number): Date => new Date(NOW.getTime() - days * DAY_MS)

async function excerpts(said: object = {}, options: Parameters<typeof doorsOf>[1] = {}) {
  const { gateway } = doorsOf(a, options)
  const { response } = await gateway.listExcerpts({ peerId: a.peerId, request: { ...said } })
  if (!response) throw new Error('an answer without content')
  const numbers = response.entries.map(({ sequence }) => Number(sequence))
  const payloads = response.entries.map(({ payload }) => Buffer.from(payload).toString())
  return { ...response, numbers, payloads }
}

test('a peer reads the last ninety days of the log about it, and of payloads what is disclosed', async () => {
  await append(a, [
    line(a, 0, { at: ago(91) }),
    line(a, 1, { at: ago(89), disclosed: true }),
    line(a, 2, { at: ago(1), disclosed: false }),
  ])
  const note = await sign(a)
  const { numbers, payloads, count, checkpoint, nextStart, since, until } = await excerpts()
  expect({ numbers, payloads, count, checkpoint, nextStart }).toEqual({
    numbers: [1, 2],
    payloads: ['{"n":1}', ''],
    count: 2,
    checkpoint: note,
    nextStart: 0n,
  })
  expect([since, until]).toEqual([timestampFromDate(ago(90)), timestampFromDate(NOW)])
  const wide = { since: timestampFromDate(ago(92)), until: timestampFromDate(ago(88)) }
  expect((await excerpts(wide)).numbers).toEqual([0, 1])
})

test('a window ends after it begins', async () => {
  const at = timestampFromDate(NOW)
  await expectRefusal(excerpts({ since: at, until: at }), 'WINDOW_INVALID')
  await expectRefusal(excerpts({ since: timestampFromDate(new Date(NOW.getTime() + 1)) }), 'WINDOW_INVALID')
})

test('a moment that no clock shows is the mistake of whoever asks, not a fault of ours', async () => {
  for (const seconds of [10n ** 15n, -(10n ** 15n), 253_402_300_800n])
    for (const name of ['since', 'until'])
      await expectRefusal(excerpts({ [name]: { seconds, nanos: 0 } }), 'WINDOW_INVALID')
})

test('a page has a thousand entries unless more are asked for, five thousand at most, and says where the next begins', async () => {
  await append(
    a,
    Array.from({ length: 1_200 }, (_, n) => line(a, n, { at: ago(1) })),
  )
  await sign(a)
  const first = await excerpts()
  expect([first.count, first.nextStart]).toEqual([1_000, 1_000n])
  const second = await excerpts({ start: first.nextStart })
  expect([second.count, second.nextStart, second.numbers[0]]).toEqual([200, 0n, 1_000])
  expect((await excerpts({ limit: 5_000 })).count).toBe(1_200)
  await expectRefusal(excerpts({ limit: 5_001 }), 'REQUEST_INVALID')
})

test('a window that holds nothing does not cost a walk over all of the log: a page ends, and says where to go on', async () => {
  await append(
    a,
    Array.from({ length: 20_002 }, (_, n) => line(a, n, { at: ago(n > 20_000 ? 1 : 80), payload: undefined })),
  )
  await sign(a)
  const window = { since: timestampFromDate(ago(2)) }
  const first = await excerpts(window)
  expect([first.count, first.nextStart]).toEqual([0, 20_000n])
  const second = await excerpts({ ...window, start: first.nextStart })
  expect([second.count, second.nextStart, second.numbers[0]]).toEqual([1, 0n, 20_001])
})

test('a page is cut where a message would grow too large', async () => {
  const payload = Buffer.from(`{"text":"${'x'.repeat(300_000)}"}`)
  await append(
    a,
    Array.from({ length: 5 }, (_, n) => line(a, n, { at: ago(1), payload, disclosed: true })),
  )
  await sign(a)
  const seen: number[] = []
  for (let start = 0n; ;) {
    const page = await excerpts({ start })
    seen.push(...page.numbers)
    start = page.nextStart
    if (start === 0n) break
  }
  expect(seen).toEqual([0, 1, 2, 3, 4])
})

test('what is not signed yet is not shown, and what was erased is shown without its payload', async () => {
  await append(a, [line(a, 0, { at: ago(1), disclosed: true })])
  await sign(a)
  await append(a, [line(a, 2, { at: ago(1) })])
  expect((await excerpts()).payloads).toEqual(['{"n":0}'])
  const said = { log: a.peerId, sequences: [0], reason: 'asked for', actor: 'operator/alice', dryRun: false }
  await a.act((tx, now) => eraseEntries(tx, now, said))
  expect((await excerpts()).payloads).toEqual([''])
})

test('a peer that is not active reads nothing', async () => {
  await grow(a, 0, 3)
  await expectRefusal(excerpts({}, { active: false }), 'PEER_NOT_ACTIVE')
})

test('a peer gets a receipt for a call of its own; unknown, foreign and our own calls look alike', async () => {
  await append(a, [call(a, 1), call(a, 2, { direction: 'out' }), line(a, 3)])
  const elsewhere = '019f0000-0000-7000-8000-0000000000ff'
  await append(a, [call({ peerId: elsewhere }, 4, { log: elsewhere })])
  await sign(a)
  const { gateway } = doorsOf(a)
  const receipt = async (decisionId: string, peerId = a.peerId) =>
    (await gateway.getReceipt({ peerId, request: { decisionId } })).response
  const { proof, leaf } = (await receipt(call(a, 1).id))!
  expect(() => checkProof(proof, leaf, [a.keys.verifierOf(`a.test/peers/${a.peerId}`)])).not.toThrow()
  const others = [call(a, 2).id, line(a, 3).id, call(a, 4).id, '019f0000-0000-7000-8000-00000000dead']
  const words = await Promise.all(
    others.map(async (id) => {
      const { message, metadata } = await expectRefusal(receipt(id), 'ENTRY_NOT_FOUND')
      return `${message} ${JSON.stringify(metadata)}`
    }),
  )
  expect(new Set(words).size).toBe(1)
  await expectRefusal(receipt(call(a, 1).id, elsewhere), 'ENTRY_NOT_FOUND')
})

test('only the gateway asks for peers, and only operators compare', async () => {
  const { server } = doorsOf(a)
  const stranger = server.clientAs(AuditLedgerService, { kind: 'service', name: 'liveness' })
  for (const asked of [
    () =>
      stranger.mirrorEntries({ peerId: a.peerId, request: { checkpoint: 'x', entries: [{ leaf: Buffer.from('x') }] } }),
    () => stranger.readMirror({ peerId: a.peerId, request: {} }),
    () => stranger.listExcerpts({ peerId: a.peerId, request: {} }),
    () => stranger.getReceipt({ peerId: a.peerId, request: { decisionId: call(a, 1).id } }),
  ]) {
    await expectRefusal(asked(), 'CALLER_NOT_ALLOWED')
  }
})
