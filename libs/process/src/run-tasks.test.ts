import { once } from 'node:events'
import { expect, test } from 'vitest'
import { runTasks } from './run-tasks.ts'

const untilStopped = async (signal: AbortSignal) => {
  if (!signal.aborted) await once(signal, 'abort')
}

test('runs until told to stop, and waits for every task', async () => {
  const stop = new AbortController()
  const ended: string[] = []
  const running = runTasks(stop.signal, [
    async (signal) => {
      await untilStopped(signal)
      await new Promise((resolve) => setImmediate(resolve))
      ended.push('slow')
    },
    async (signal) => {
      await untilStopped(signal)
      ended.push('quick')
    },
  ])
  stop.abort()
  await running
  expect(ended).toEqual(['quick', 'slow'])
})

test('the first failure stops the rest, and is thrown once they have ended', async () => {
  let othersEnded = false
  const running = runTasks(new AbortController().signal, [
    async (signal) => {
      await untilStopped(signal)
      othersEnded = true
      throw new Error('second')
    },
    () => Promise.reject(new Error('first')),
  ])
  await expect(running).rejects.toThrow('first')
  expect(othersEnded).toBe(true)
})

test('a task that throws before it awaits anything counts as failed too', async () => {
  const running = runTasks(new AbortController().signal, [
    () => {
      throw new Error('at once')
    },
    untilStopped,
  ])
  await expect(running).rejects.toThrow('at once')
})

test('a task that was cut short when it was told to stop has not failed', async () => {
  const stop = new AbortController()
  const cut = async (signal: AbortSignal) => {
    await untilStopped(signal)
    signal.throwIfAborted()
  }
  const running = runTasks(stop.signal, [cut, untilStopped])
  stop.abort()
  await expect(running).resolves.toBeUndefined()
})

test('one that says so by itself has', async () => {
  const byItself = () => Promise.reject(new DOMException('cut', 'AbortError'))
  await expect(runTasks(new AbortController().signal, [byItself, untilStopped])).rejects.toThrow('cut')
})
