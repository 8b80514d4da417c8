import { expect, test } from 'vitest'
import { plainLine } from './plain-line.ts'

test.each([
  ['is left as it is', 'starting 3/7: ä', 'starting 3/7: ä'],
  ['has no zero byte, which Postgres keeps in no text', 'a\0b', 'a b'],
  ['has no escape sequence, which a terminal would obey', '\u001B[2Jgone', ' [2Jgone'],
  ['is one line', 'one\r\n\ttwo', 'one two'],
  ['does not read backwards', 'abc\u202Ecba', 'abc cba'],
  ['is no longer than it may be, and not cut within a character', '123456789012345\u{1F600}', '123456789012345\uFFFD'],
])('what somebody else said %s', (_, text, plain) => {
  expect(plainLine(text, 16)).toBe(plain)
})
