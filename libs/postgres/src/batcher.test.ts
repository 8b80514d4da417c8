import { expect, test } from 'vitest'
import { createBatcher } from './batcher.ts'

test('a lone caller is served at once; those who come meanwhile share the next batch', async () => {
  const batches: number[][] = []
  const gates: PromiseWithResolvers<void>[] = []
  const batcher = createBatcher<number, number>(
    async (items) => {
      batches.push([...items])
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      await gate.promise
      return items.map((item) => item * 10)
    },
    { maxItems: 3 },
  )
  const first = batcher.add(1)
  await Promise.resolve()
  await Promise.resolve()
  const rest = [2, 3, 4, 5].map((item) => batcher.add(item))
  expect(batches).toEqual([[1]])
  gates[0]!.resolve()
  expect(await first).toBe(10)
  while (gates.length < 2) await Promise.resolve()
  gates[1]!.resolve()
  while (gates.length < 3) await Promise.resolve()
  gates[2]!.resolve()
  expect(await Promise.all(rest)).toEqual([20, 30, 40, 50])
  await batcher.idle()
  expect(batches).toEqual([[1], [2, 3, 4], [5]])
})

test('a batch that fails fails for its callers, and the next one is tried', async () => {
  let broken = true
  const batcher = createBatcher<number, number>(
    async (items) => {
      if (broken) throw new Error('no database')
      return items
    },
    { maxItems: 10 },
  )
  const failing = [batcher.add(1), batcher.add(2)]
  expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  broken = false
  expect(await batcher.add(3)).toBe(3)
})

test('a batch that answers too little is a fault, not a caller that waits for ever', async () => {
  const batcher = createBatcher<number, number>(async () => [], { maxItems: 10 })
  await expect(batcher.add(1)).rejects.toThrow('0 results for 1 items')
})
