import { X509Certificate } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { expect, test } from 'vitest'
import { NotDer } from './der.ts'
import { checkRootProfile } from './profile.ts'
import { forgeCertificate, makeTestAuthority, newKey } from './testing.ts'
import { validityOf } from './validity.ts'

const YEAR_MS = 365 * 86_400_000

test.each([
  ['of today', -YEAR_MS, YEAR_MS],
  ['that lasts beyond 2049, where the times get four digits of the year', -YEAR_MS, 60 * YEAR_MS],
  ['that began in the last century', -40 * YEAR_MS, -30 * YEAR_MS],
])('the times of a certificate %s are those that OpenSSL reads', async (_, fromMs, untilMs) => {
  const { publicKey, pkcs8 } = newKey()
  const der = await forgeCertificate({ publicKey, privateKey: pkcs8, issuer: 'self', fromMs, untilMs })
  const { validFromDate, validToDate } = new X509Certificate(der)
  expect(validityOf(der)).toEqual({ notBefore: validFromDate, notAfter: validToDate })
})

test('of root and issuing CA too', async () => {
  const { rootCertificate, issuingCertificate } = await makeTestAuthority('a.example')
  for (const der of [rootCertificate, issuingCertificate])
    expect(validityOf(der).notAfter).toEqual(new X509Certificate(der).validToDate)
})

test('what is no certificate has no times: every shorter beginning of one, and other bytes', async () => {
  const { rootCertificate } = await makeTestAuthority('a.example')
  for (let length = 0; length < rootCertificate.length; length += 1)
    expect(() => validityOf(rootCertificate.subarray(0, length))).toThrow(NotDer)
  expect(() => validityOf(Buffer.from('30023000', 'hex'))).toThrow(NotDer)
  expect(() => validityOf(Buffer.alloc(64))).toThrow(NotDer)
})

test('a month that is none is no time, and a root with one is not held', async () => {
  const { publicKey, pkcs8 } = newKey()
  const der = await forgeCertificate({ publicKey, privateKey: pkcs8, issuer: 'self', ca: true, untilMs: YEAR_MS })
  const at = der.indexOf(new X509Certificate(der).validToDate.toISOString().slice(2, 7).replace('-', ''))
  der.write('13', at + 2)
  expect(() => validityOf(der)).toThrow(NotDer)
  expect(checkRootProfile(der, { now: systemClock.now() })).toMatchObject({ ok: false, problem: 'unreadable' })
})
