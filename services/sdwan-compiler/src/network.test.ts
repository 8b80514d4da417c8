import { expect, test } from 'vitest'
import { NOTHING } from './intent/intent.ts'
import { NetworkCompiler } from './network.ts'

const networkOf = (version: number) =>
  new NetworkCompiler('a.example').compile(version, NOTHING, { crossings: [], endings: [] })

test('those who ask while the network is read share one reading, which began after they asked', async () => {
  const compiler = new NetworkCompiler('a.example')
  const begun: PromiseWithResolvers<void>[] = []
  let committed = 1
  const read = async () => {
    const network = networkOf(committed) // what is committed when it begins
    const held = Promise.withResolvers<void>()
    begun.push(held)
    await held.promise
    return network
  }
  const first = compiler.now(read)
  committed = 2
  const others = Array.from({ length: 50 }, () => compiler.now(read))
  begun[0]?.resolve()
  expect((await first).version).toBe(1)
  await expect.poll(() => begun.length).toBe(2)
  begun[1]?.resolve()
  expect(new Set((await Promise.all(others)).map(({ version }) => version))).toEqual(new Set([2]))
  expect(begun).toHaveLength(2)
  expect(compiler.kept?.version).toBe(2)
})

test('a reading that fails is the failure of those who shared it, and of nobody after them', async () => {
  const compiler = new NetworkCompiler('a.example')
  const away = () => Promise.reject(new Error('away'))
  const asked = await Promise.allSettled([compiler.now(away), compiler.now(away)])
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect((await compiler.now(() => Promise.resolve(networkOf(3)))).version).toBe(3)
})
