import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

/** How much was done after each turn, until all of it was. */
async function turnByTurn(works: number, turns: Turns, work: () => void = () => {}): Promise<number[]> {
  let done = 0
  for (let n = 0; n < works; n++) {
    turns.take(() => {
      work()
      done += 1
    })
  }
  const seen: number[] = []
  while (done < works) {
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(done)
  }
  return seen
}

test('of what comes at once a little is done in each turn', async () => {
  expect(await turnByTurn(100, new Turns(() => 0))).toEqual([32, 64, 96, 100])
})

test('works that take long make short turns', async () => {
  let nowMs = 0
  const long = () => void (nowMs += 3)
  expect(await turnByTurn(5, new Turns(() => nowMs), long)).toEqual([2, 4, 5])
})

test('a lease is heard while calls pile up', async () => {
  const { port1: registry, port2: gateway } = new MessageChannel()
  const turns = new Turns()
  let left = 10_000
  for (let n = left; n > 0; n--) turns.take(() => void (left -= 1))
  registry.postMessage('all is as it was')
  await once(gateway, 'message')
  expect(left).toBeGreaterThan(9_000)
  gateway.close()
})

test('each has its turn in the order they came, and what a work begins comes after all of them', async () => {
  const order: string[] = []
  const turns = new Turns()
  turns.take(() => {
    order.push('first')
    turns.take(() => order.push('last'))
  })
  turns.take(() => order.push('second'))
  await turnByTurn(1, turns)
  await turnByTurn(1, turns)
  expect(order).toEqual(['first', 'second', 'last'])
})
