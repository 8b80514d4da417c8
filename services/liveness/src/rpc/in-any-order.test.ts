import { expect, test } from 'vitest'
import { inAnyOrder } from './in-any-order.ts'

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield item
}

test('what is ready first comes first, and everything comes', async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>())
  const out: number[] = []
  const reading = (async () => {
    for await (const item of inAnyOrder(from([0, 1, 2]), async (i) => (await gates[i]!.promise, i), 8)) out.push(item)
  })()
  for (const i of [2, 0, 1]) {
    gates[i]!.resolve()
    await expect.poll(() => out).toContain(i)
  }
  await reading
  expect(out).toEqual([2, 0, 1])
})

test('it reads no further than it works', async () => {
  let read = 0
  let underway = 0
  let most = 0
  async function* source() {
    for (; read < 50; read++) yield read
  }
  const work = async (item: number) => {
    most = Math.max(most, ++underway)
    await Promise.resolve()
    await Promise.resolve()
    underway -= 1
    return item
  }
  const out: number[] = []
  for await (const item of inAnyOrder(source(), work, 4)) out.push(item)
  expect(out).toHaveLength(50)
  expect(most).toBeLessThanOrEqual(4)
})

test('a failure ends it', async () => {
  const work = async (item: number) => {
    if (item === 1) throw new Error('broken')
    return item
  }
  const all = async () => {
    for await (const _ of inAnyOrder(from([0, 1, 2]), work, 1));
  }
  await expect(all()).rejects.toThrow('broken')
})
