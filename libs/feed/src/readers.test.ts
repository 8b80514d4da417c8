import { expect, test } from 'vitest'
import { Readers } from './readers.ts'

const positionAt = (epoch: bigint) => ({ epoch, mark: Buffer.alloc(16, 1) })

test('a reader that never acknowledges what it is sent fills no memory, and has to begin anew', () => {
  const reader = new Readers(() => 0).enter('r')
  for (let epoch = 1n; epoch <= 100_000n; epoch++) reader.sends(positionAt(epoch))
  expect(reader.waiting).toBeLessThanOrEqual(10_000)
  expect(reader.acknowledge(positionAt(1n))).toBe(false)
  expect(reader.acknowledge(positionAt(100_000n))).toBe(true)
  expect(reader.waiting).toBe(0)
})
