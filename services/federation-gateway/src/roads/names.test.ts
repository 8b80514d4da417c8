import { expect, test } from 'vitest'
import { inTurn } from './names.ts'

test('of one peer two names are looked up at once, whoever has given up waiting; another peer is not kept waiting', async () => {
  const asked: string[] = []
  const answers = new Map<string, () => void>()
  const names = inTurn((url) => {
    asked.push(url)
    const { promise, resolve, reject } = Promise.withResolvers<{ host: string; port: number; addresses: string[] }>()
    answers.set(url, () =>
      url === 'b1' ? reject(new Error('no such name')) : resolve({ host: url, port: 443, addresses: [] }),
    )
    return promise
  })
  const ofB = ['b1', 'b2', 'b3', 'b4'].map((url) => names('b')(url).then(({ host }) => host, (error: Error) => error.message)) // prettier-ignore
  const ofC = names('c')('c1')
  expect(asked).toEqual(['b1', 'b2', 'c1'])
  answers.get('b1')?.()
  expect(await ofB[0]).toBe('no such name')
  answers.get('c1')?.()
  await ofC
  expect(asked.slice(3)).toEqual(['b3'])
  for (const url of ['b2', 'b3']) answers.get(url)?.()
  await Promise.all([ofB[1], ofB[2]])
  answers.get('b4')?.()
  expect(await Promise.all(ofB)).toEqual(['no such name', 'b2', 'b3', 'b4'])
  void names('b')('b5')
  expect(asked.at(-1), 'nothing is left over').toBe('b5')
})
