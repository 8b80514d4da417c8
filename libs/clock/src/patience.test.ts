import { afterEach, expect, test } from 'vitest'
import { onSlowMachine, patient } from './clock.ts'

afterEach(() => onSlowMachine(1))

test('an ordinary machine waits for as long as was written down', () => {
  expect(patient(5_000)).toBe(5_000)
})

test('a slow machine waits for as many times as long', () => {
  onSlowMachine(2.5)
  expect(patient(2_000)).toBe(5_000)
})

test.each([0, 0.5, 21, -3, Number.NaN, Infinity])('%s times as slow is refused, and nothing changes', (by) => {
  expect(() => onSlowMachine(by)).toThrow('is no number between 1 and 20')
  expect(patient(1_000)).toBe(1_000)
})
