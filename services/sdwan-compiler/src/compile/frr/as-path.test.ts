import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isAsPathRegex } from './as-path.ts'

test.each([
  '^$',
  '^4200000021$',
  '^(65001_)+$',
  '_65001_',
  '.*',
  '^6500[0-9]',
  '(1|2|34)?5',
  '[^13-5]+',
  '^(1_(2|3)*)$',
  '((1))',
])('%s is a pattern', (pattern) => expect(isAsPathRegex(pattern)).toBe(true))

test.each([
  '',
  '*',
  '(',
  ')',
  '1)',
  '(1',
  '()',
  '1||2',
  '|1',
  '1|',
  '[',
  '[]',
  '[^]',
  '[9-1]',
  '[0-',
  '1**',
  '^*',
  '1+?',
  'a',
  '1 2',
  '1\n2',
  '-',
  '{1}',
  '[.]',
  '\\1',
  '1'.repeat(129),
])('%j is none', (pattern) => expect(isAsPathRegex(pattern)).toBe(false))

test('whatever is taken is of the alphabet, and a regular expression', () => {
  const signs = fc.constantFrom(...'0129_^$.*+?()[]|-'.split(''), ...'a \n;"{\\ß'.split(''))
  fc.assert(
    fc.property(fc.array(signs, { maxLength: 12 }), (some) => {
      const pattern = some.join('')
      if (!isAsPathRegex(pattern)) return
      expect(pattern).toMatch(/^[0-9_^$.*+?()[\]|-]+$/)
      expect(() => new RegExp(pattern)).not.toThrow()
    }),
    { numRuns: 20_000 },
  )
})
