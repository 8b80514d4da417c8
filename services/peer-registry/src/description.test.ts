import { expect, test } from 'vitest'
import { changedParts, NOTHING_SAID } from './description.ts'
import { printable } from './text.ts'

test('what changed is named as on the wire, and the order of keys is no change', () => {
  const was = { ...NOTHING_SAID, capabilities: { b: { y: 1, x: 2 }, a: 1 } }
  expect(changedParts(was, { ...was, capabilities: { a: 1, b: { x: 2, y: 1 } } })).toEqual([])
  const is = { ...was, capabilities: { a: 2 }, dataResidency: 'EU', extensionSlugs: ['x'] }
  expect(changedParts(was, is)).toEqual(['capabilities', 'extension_slugs', 'data_residency'])
})

test('the order of a list is a change', () => {
  const was = { ...NOTHING_SAID, extensionSlugs: ['a', 'b'] }
  expect(changedParts(was, { ...was, extensionSlugs: ['b', 'a'] })).toEqual(['extension_slugs'])
})

test('text of others is one line that obeys nobody', () => {
  expect(printable('😀'.repeat(9), 10), 'half a sign is none that JSON in a database takes').toSatisfy((said: string) =>
    said.isWellFormed(),
  )
  expect(printable('a\u001b[31mb\nc\u2028d\u202ee\u0000')).toBe('a [31mb c d e')
  expect(printable('x'.repeat(900), 10)).toBe('xxxxxxxxx…')
  expect(printable('Zürich – 東京 ✓')).toBe('Zürich – 東京 ✓')
})
