import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementsOf } from './der.ts'
import { stated } from './extensions.ts'
import { spiffeUri } from './index.ts'
import { forgeCertificate, makeTestAuthority } from './testing.ts'
import { x509 } from './x509.ts'

const { digitalSignature, keyCertSign } = x509.KeyUsageFlags
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const uris = [spiffeUri({ trustDomain: 'a.example', kind: 'service', name: 'liveness' })]

test('what a certificate may be used for is read as the ASN.1 library reads it', async () => {
  const authority = await makeTestAuthority('a.example')
  const issuer = { certificate: authority.issuingCertificate, key: authority.issuingKey }
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 511 }), fc.boolean(), async (keyUsage, ca) => {
      const der = await forgeCertificate({ publicKey, issuer, uris, keyUsage, ca })
      const read = new x509.X509Certificate(der)
      expect(stated(der)).toEqual({
        usages: read.getExtension(x509.KeyUsagesExtension)?.usages ?? 0,
        ca: read.getExtension(x509.BasicConstraintsExtension)?.ca ?? false,
      })
    }),
    { numRuns: 60 },
  )
  expect(stated(authority.rootCertificate)).toMatchObject({ ca: true })
})

const value = (tag: number, ...content: (Uint8Array | number)[]): Buffer => {
  const bytes = Buffer.concat(content.map((each) => (typeof each === 'number' ? Buffer.of(each) : each)))
  return Buffer.concat([Buffer.of(tag, bytes.length), bytes])
}
const certificateWith = (...extensions: Buffer[]) => value(0x30, value(0x30, value(0xa3, value(0x30, ...extensions))))
const usage = (...bits: number[]) => value(0x30, value(0x06, 0x55, 0x1d, 0x0f), value(0x04, value(0x03, 0, ...bits)))
const constraints = (...said: Buffer[]) => value(0x30, value(0x06, 0x55, 0x1d, 0x13), value(0x01, 255), value(0x04, value(0x30, ...said))) // prettier-ignore

test('one that is stated twice grants nothing: readers differ in which of the two they take', () => {
  expect(stated(certificateWith(usage(0x80)))).toEqual({ usages: digitalSignature, ca: false })
  expect(stated(certificateWith(usage(0x84), constraints(value(0x01, 255))))).toEqual({
    usages: digitalSignature | keyCertSign,
    ca: true,
  })
  expect(stated(certificateWith(usage(0x80), usage(0x84)))).toBeUndefined()
  expect(stated(certificateWith(constraints(), constraints(value(0x01, 255))))).toBeUndefined()
})

test('nor does one that is not in DER', () => {
  const lengthTooLong = Buffer.concat([Buffer.of(0x30, 0x81), certificateWith(usage(0x80)).subarray(1)])
  expect(stated(lengthTooLong)).toBeUndefined()
  expect(stated(certificateWith(usage(0x80)).subarray(0, -1))).toBeUndefined()
  expect(stated(Buffer.concat([certificateWith(usage(0x80)), Buffer.of(0)]))).toBeUndefined()
  expect(() => elementsOf(Buffer.of(0x1f, 0x01, 0x00))).toThrow('no value')
})

test('no bytes make it throw', () => {
  const broken = fc.uint8Array({ maxLength: 40 }).map((tail) => Uint8Array.of(0x30, tail.length, ...tail))
  const bits = fc.tuple(fc.nat(60), fc.nat(255)).map(([at, byte]) => {
    const der = certificateWith(usage(0x80), constraints(value(0x01, 255)))
    der[at % der.length] = byte
    return der
  })
  fc.assert(fc.property(fc.oneof(broken, bits), (der) => void stated(der)))
})
