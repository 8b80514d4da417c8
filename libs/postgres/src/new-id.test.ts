import { expect, test } from 'vitest'
import { newId } from './new-id.ts'

test('an id is a UUIDv7 of its moment, and no two are alike', () => {
  const id = newId(new Date('2026-11-21T21:00:00.123Z'))
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(Date.parse('2026-11-21T21:00:00.123Z'))
  const now = new Date('2026-11-21T21:00:00Z')
  expect(new Set(Array.from({ length: 10_000 }, () => newId(now))).size).toBe(10_000)
})

test('later ids sort later', () => {
  const moments = ['1970-01-01', '2026-01-01', '2026-01-02', '9999-12-31'].map((day) => new Date(day))
  const ids = moments.map(newId)
  expect(ids.toSorted()).toEqual(ids)
})
