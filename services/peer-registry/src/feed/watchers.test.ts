import { expect, test } from 'vitest'
import { Watchers } from './watchers.ts'

const NEVER = new AbortController().signal

test('every reader gets its snapshot first, then the same messages in the same order', async () => {
  const watchers = new Watchers<number>()
  const readers = [watchers.watch(() => [1, 2], NEVER), watchers.watch(() => [3], NEVER)]
  const firsts = await Promise.all(readers.map((reader) => reader.next()))
  expect(firsts.map(({ value }) => value as number)).toEqual([1, 3])
  watchers.send([8, 9])
  const rest = await Promise.all([take(readers[0]!, 3), take(readers[1]!, 2)])
  expect(rest).toEqual([[2, 8, 9], [8, 9]]) // prettier-ignore
})

test('a reader too far behind is ended, so that it comes back for a snapshot; the others go on', async () => {
  const watchers = new Watchers<number>()
  const [slow, quick] = [watchers.watch(() => [0], NEVER), watchers.watch(() => [0], NEVER)]
  await Promise.all([slow.next(), quick.next()])
  const many = Array.from({ length: 30_000 }, (_, n) => n)
  watchers.send(many)
  expect(await take(quick, many.length)).toEqual(many)
  watchers.send(many)
  await take(slow, 30_000)
  expect(await slow.next()).toMatchObject({ done: true })
  expect(await take(quick, many.length)).toEqual(many)
  expect(watchers.size).toBe(1)
})

test('a reader that was aborted before it began is told nothing more', async () => {
  const watchers = new Watchers<number>()
  expect(await watchers.watch(() => [1], AbortSignal.abort()).next()).toMatchObject({ done: true })
  expect(watchers.size).toBe(0)
})

async function take(reader: AsyncGenerator<number>, count: number): Promise<number[]> {
  const taken: number[] = []
  while (taken.length < count) taken.push((await reader.next()).value as number)
  return taken
}
