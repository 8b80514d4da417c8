import fc from 'fast-check'
import { expect, test } from 'vitest'
import { caPinMatches, caPinOf, derToPem, pemToDer } from './index.ts'

const der = fc.uint8Array({ maxLength: 400 })

test('blocks come back as they went in, in order, whatever stands between them', () => {
  fc.assert(
    fc.property(fc.array(der, { maxLength: 4 }), (ders) => {
      const pem = ders.map((each) => `subject: x\n${derToPem(each, 'CERTIFICATE')}`).join('\r\n')
      expect(pemToDer(pem, 'CERTIFICATE')).toEqual(ders.map((each) => Buffer.from(each)))
      expect(pemToDer(pem, 'X509 CRL')).toEqual([])
    }),
  )
})

test('lines are 64 characters long and the text ends with a newline', () => {
  const lines = derToPem(new Uint8Array(100), 'PRIVATE KEY').split('\n')
  expect(lines.map((line) => line.length)).toEqual([27, 64, 64, 8, 25, 0])
})

test('a pin matches its root alone', () => {
  fc.assert(
    fc.property(der, der, (root, other) => {
      fc.pre(!Buffer.from(root).equals(other))
      expect(caPinMatches(root, caPinOf(root))).toBe(true)
      expect(caPinMatches(other, caPinOf(root))).toBe(false)
    }),
  )
})

test.each(['', 'aa', 'A'.repeat(64), 'g'.repeat(64), `${'a'.repeat(64)}\n`])(
  '%j is no pin and matches nothing',
  (pin) => {
    expect(caPinMatches(new Uint8Array(1), pin)).toBe(false)
  },
)
