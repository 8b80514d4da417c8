import { expect, test } from 'vitest'
import { sharedAnswer, underway } from './underway.ts'

/** Something that is found out part by part, as the test says. */
function slowly() {
  const parts: PromiseWithResolvers<string | undefined>[] = [Promise.withResolvers()]
  const begun: AbortSignal[] = []
  return {
    begun,
    say(part?: string) {
      const last = parts.at(-1)
      parts.push(Promise.withResolvers())
      last?.resolve(part)
    },
    fail: (error: Error) => parts.at(-1)?.reject(error),
    async *begin(signal: AbortSignal) {
      begun.push(signal)
      for (let at = 0; ; at++) {
        const part = await parts[at]?.promise
        if (part === undefined) return
        yield part
      }
    },
  }
}

const never = new AbortController().signal

async function all(told: AsyncIterable<string>): Promise<string> {
  const parts: string[] = []
  for await (const part of told) parts.push(part)
  return parts.join('')
}

test('whoever comes while something is being found out is told it from its beginning; whoever comes later has it found out anew', async () => {
  const work = slowly()
  const follow = underway<string>()
  const first = all(follow('b', work.begin, never))
  work.say('one')
  const second = all(follow('b', work.begin, never))
  const other = all(follow('c', work.begin, never))
  work.say('two')
  work.say()
  expect(await Promise.all([first, second, other])).toEqual(['onetwo', 'onetwo', 'onetwo'])
  expect(work.begun, 'of b and of c, each once').toHaveLength(2)
  expect(await all(follow('b', work.begin, never))).toBe('onetwo')
  expect(work.begun).toHaveLength(3)
})

test('what fails fails for all who wait for it, and is not held against whoever comes next', async () => {
  const [broken, work] = [slowly(), slowly()]
  const follow = underway<string>()
  const waiting = [all(follow('b', broken.begin, never)), all(follow('b', broken.begin, never))]
  broken.fail(new Error('no such peer'))
  for (const each of waiting) await expect(each).rejects.toThrow('no such peer')
  work.say('well')
  work.say()
  expect(await all(follow('b', work.begin, never))).toBe('well')
})

test('it goes on while one is left who asks, and is given up when nobody does', async () => {
  const work = slowly()
  const follow = underway<string>()
  const [impatient, patient] = [new AbortController(), new AbortController()]
  const left = all(follow('b', work.begin, impatient.signal))
  const stays = all(follow('b', work.begin, patient.signal))
  impatient.abort(new Error('enough'))
  await expect(left).rejects.toThrow('enough')
  expect(work.begun[0]?.aborted).toBe(false)
  patient.abort(new Error('enough, too'))
  await expect(stays).rejects.toThrow('enough, too')
  expect(work.begun[0]?.aborted).toBe(true)
})

test('a single answer is shared like a long one', async () => {
  const follow = underway<number>()
  const answer = Promise.withResolvers<number>()
  let asked = 0
  const ask = () => {
    asked += 1
    return answer.promise
  }
  const both = [1, 2].map(() => sharedAnswer(follow, { key: 'b', ask, signal: never }))
  answer.resolve(7)
  expect(await Promise.all(both)).toEqual([7, 7])
  expect(asked).toBe(1)
})
