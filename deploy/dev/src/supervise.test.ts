import { describe, expect, test } from 'vitest'
import { supervise, type Life } from './supervise.ts'

/** A thing whose end the test decides. */
function lives(failing = new Set<number>()) {
  const born: { end: () => void; stopped: number }[] = []
  let starts = 0
  const start = async (): Promise<Life> => {
    starts += 1
    if (failing.has(starts)) throw new Error(`start ${starts} fails`)
    let end = () => undefined as void
    const exited = new Promise<void>((resolve) => (end = resolve))
    const record = { end, stopped: 0 }
    born.push(record)
    return { pid: starts, exited, kill: end, stop: async () => void (end(), (record.stopped += 1)) }
  }
  return { born, start, starts: () => starts }
}

describe('what is supervised', () => {
  test('comes back after it died, also when starting fails at first, and its old life is tidied up', async () => {
    const { born, start, starts } = lives(new Set([2, 3]))
    const events: string[] = []
    const thing = await supervise('thing', start, ({ what }) => events.push(what))
    thing.kill()
    await expect.poll(() => thing.pid()).toBe(4)
    expect(events).toEqual(['ended', 'cannot start', 'cannot start', 'started again'])
    expect(born[0]?.stopped).toBe(1)
    expect([starts(), thing.restarts()]).toEqual([4, 3])
    await thing.stop()
  })

  test('stays away while paused, and after a stop for ever', async () => {
    const { start, starts } = lives()
    const thing = await supervise('thing', start)
    await thing.pause()
    expect([thing.pid(), starts()]).toEqual([undefined, 1])
    await thing.resume()
    expect([thing.pid(), starts()]).toEqual([2, 2])
    await thing.stop()
    await thing.resume()
    expect([thing.pid(), starts()]).toEqual([undefined, 2])
  })

  test('a stop ends the waiting for the next attempt', async () => {
    const { start } = lives(new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))
    const events: string[] = []
    const thing = await supervise('thing', start, ({ what }) => events.push(what))
    thing.kill()
    await expect.poll(() => events.length).toBeGreaterThan(2)
    await thing.stop()
    const seen = events.length
    expect(thing.pid()).toBeUndefined()
    expect(events.length).toBe(seen)
  })

  test("a first start that fails is the caller's to hear", async () => {
    await expect(supervise('thing', lives(new Set([1])).start)).rejects.toThrow('start 1 fails')
  })
})
