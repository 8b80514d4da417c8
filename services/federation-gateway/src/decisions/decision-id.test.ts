import { expect, test } from 'vitest'
import { newDecisionId } from './decision-id.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('ids of decisions are UUIDv7, all different, and sort in the order they were made in', () => {
  const moments = [...Array(5_000).keys()].map((at) => 1_700_000_000_000 + Math.floor(at / 700))
  const ids = moments.map(newDecisionId)
  expect(ids.filter((id) => !UUID_V7.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.toSorted()).toEqual(ids)
  expect(Number.parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000)
  expect(newDecisionId(moments[0]!).slice(19), 'with new chance').not.toBe(ids[0]!.slice(19))
})
