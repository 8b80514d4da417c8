import { expect, test } from 'vitest'
import { hasScope, isScope, SCOPES, scopeBits, scopesOf } from './scope.ts'

test('a set of scopes is read back from its bits, and bits that are none of ours are nothing', () => {
  for (let bits = 0; bits < 16; bits++) {
    expect(scopeBits(scopesOf(bits))).toBe(bits)
    expect(scopesOf(bits | 0xfff0)).toEqual(scopesOf(bits))
  }
})

test('no scope implies another', () => {
  for (const held of SCOPES) for (const asked of SCOPES) expect(hasScope(scopeBits([held]), asked)).toBe(held === asked)
})

test.each(['', 'Read', 'read ', '*', 'toString', 'constructor', '__proto__'])('%j is no scope', (word) => {
  expect(isScope(word)).toBe(false)
  expect(hasScope(0xffff, word)).toBe(false)
})
