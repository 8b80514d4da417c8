import { expect, test } from 'vitest'
import { pasting } from './paste.ts'

test('a next command names the context that was named, once', () => {
  const paste = pasting('a')
  expect(paste('fedctl peer resume b')).toBe('fedctl --context a peer resume b')
  expect(paste('wait, or: fedctl ca show')).toBe('wait, or: fedctl --context a ca show')
  expect(paste(paste('fedctl ca show'))).toBe('fedctl --context a ca show')
  expect(pasting('my files/a.json')('fedctl status')).toBe("fedctl --context 'my files/a.json' status")
})

test('without --context nothing is added', () => {
  expect(pasting('')('fedctl status')).toBe('fedctl status')
})
