import { expect, test } from 'vitest'
import { answerInOrder } from './answer-in-order.ts'

/** A client that says numbers, and answers that are given by hand. */
function conversation(said: AsyncIterable<number>, atOnce: number) {
  const heard: number[] = []
  const answers = new Map<number, PromiseWithResolvers<string>>()
  const told = answerInOrder(said, atOnce, (one) => {
    heard.push(one)
    const answer = Promise.withResolvers<string>()
    answers.set(one, answer)
    return answer.promise
  })
  return { heard, told, give: (one: number, answer = `${one}`) => answers.get(one)!.resolve(answer), answers }
}
async function* upTo(n: number) {
  for (let one = 1; one <= n; one++) yield one
}
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

test('what comes while an answer is being made is taken up, to a limit, and answered in the order it came', async () => {
  const { heard, told, give } = conversation(upTo(4), 3)
  const first = told.next()
  await settled()
  expect(heard).toEqual([1, 2, 3])
  give(2)
  give(3)
  await settled()
  expect(heard).toEqual([1, 2, 3]) // the first is still under way
  give(1)
  expect(await first).toEqual({ value: '1', done: false })
  expect((await told.next()).value).toBe('2')
  expect((await told.next()).value).toBe('3')
  await settled()
  give(4)
  expect((await told.next()).value).toBe('4')
  expect(await told.next()).toEqual({ value: undefined, done: true })
})

test('a failure is told in its turn, after the answers before it, and none after it', async () => {
  const { told, give, answers } = conversation(upTo(3), 3)
  const first = told.next()
  await settled()
  give(3)
  answers.get(2)!.reject(new Error('no database'))
  await settled()
  give(1)
  expect((await first).value).toBe('1')
  await expect(told.next()).rejects.toThrow('no database')
  expect((await told.next()).done).toBe(true)
})

test('a client that breaks off is told what was under way, then that it broke off', async () => {
  async function* breaksOff() {
    yield 1
    throw new Error('hung up')
  }
  const { told, give } = conversation(breaksOff(), 3)
  const first = told.next()
  await settled()
  give(1)
  expect((await first).value).toBe('1')
  await expect(told.next()).rejects.toThrow('hung up')
})

test('whoever listens no more is read from no more', async () => {
  const { heard, told, give } = conversation(upTo(9), 2)
  const first = told.next()
  await settled()
  give(1)
  await first
  await told.return(undefined)
  await settled()
  expect(heard.length).toBeLessThanOrEqual(3)
})
