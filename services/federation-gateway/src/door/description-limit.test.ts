import { createLogger } from '@powernode/process'
import { expect, test } from 'vitest'
import { DESCRIPTIONS, descriptionLimit } from './description-limit.ts'

test('who describes itself too often is named once, and believed again two and a half minutes later', () => {
  const lines: string[] = []
  let now = 0
  const limit = descriptionLimit(
    createLogger('test', { destination: { write: (line) => lines.push(line) } }),
    () => now,
  )
  const taken = (times: number, peerId = 'b') =>
    Array.from({ length: times }, () => limit.takes(peerId)).filter(Boolean).length

  expect(taken(DESCRIPTIONS + 5)).toBe(DESCRIPTIONS)
  expect(taken(1, 'c'), 'another peer has its own').toBe(1)
  now = 149_999
  expect(taken(1)).toBe(0)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', peer_id: 'b', retry_in_ms: 150_000 }])
  now = 150_000
  expect(taken(DESCRIPTIONS + 1)).toBe(DESCRIPTIONS)
  expect(lines).toHaveLength(2)
})
