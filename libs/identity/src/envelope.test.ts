import { sign, verify } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  EnvelopeSchema,
  TrustBundleSchema,
  TrustReceiptSchema,
  type Envelope,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { RevocationNoticeSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  generatePlatformKey,
  openStatement,
  publicKeyObject,
  readStatement,
  signStatement,
  statementDigest,
} from './index.ts'

const key = generatePlatformKey()
const notice = create(RevocationNoticeSchema, {
  platformId: 'a'.repeat(32),
  peerId: '0190aaaa-0000-7000-8000-000000000000',
  reason: 'contract ended',
  at: timestampFromDate(new Date(1_800_000_000_000)),
})
const envelope = signStatement(RevocationNoticeSchema, notice, key)

test('a statement is opened by whoever holds the public key', () => {
  expect(openStatement(RevocationNoticeSchema, envelope, key.publicKey)).toEqual(notice)
})

test('what is signed is the DSSE v1 encoding, so that any DSSE library can check it', () => {
  const { payloadType, payload, signature } = envelope
  expect(payloadType).toBe('application/vnd.powernode.federation.v1.RevocationNotice+protobuf')
  const pae = Buffer.concat([Buffer.from(`DSSEv1 65 ${payloadType} ${payload.length} `), payload])
  expect(verify(null, pae, publicKeyObject(key.publicKey), signature)).toBe(true)
})

test('another key did not say it', () => {
  const opened = readStatement(RevocationNoticeSchema, envelope, generatePlatformKey().publicKey)
  expect(opened).toMatchObject({ reason: 'signature-invalid' })
})

test('one statement cannot be passed off as another kind, even where the bytes would fit', () => {
  expect(readStatement(TrustReceiptSchema, envelope, key.publicKey)).toMatchObject({ reason: 'wrong-type' })
  const relabelled = create(EnvelopeSchema, {
    ...envelope,
    payloadType: 'application/vnd.powernode.federation.v1.TrustReceipt+protobuf',
  })
  expect(readStatement(TrustReceiptSchema, relabelled, key.publicKey)).toMatchObject({ reason: 'signature-invalid' })
})

test('any bit changed anywhere, and nobody said it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('payload' as const, 'signature' as const),
      fc.nat(),
      fc.nat({ max: 7 }),
      (part, at, bit) => {
        const changed = structuredClone(envelope)
        const index = at % changed[part].length
        changed[part][index] = (changed[part][index] ?? 0) ^ (1 << bit)
        expect(openStatement(RevocationNoticeSchema, changed, key.publicKey)).toBeUndefined()
      },
    ),
  )
})

test('any bytes at all in place of an envelope are refused, and never thrown at the reader', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, bytes, fc.string(), (payload, signature, type) => {
      for (const payloadType of [type, envelope.payloadType]) {
        const any = create(EnvelopeSchema, { payloadType, payload, signature })
        expect(openStatement(RevocationNoticeSchema, any, key.publicKey)).toBeUndefined()
      }
    }),
  )
  expect(openStatement(RevocationNoticeSchema, undefined, key.publicKey)).toBeUndefined()
})

test('a rightly signed payload that is no such message is malformed', () => {
  expect(readStatement(TrustBundleSchema, signedBytes(Buffer.from('ff', 'hex')), key.publicKey)).toMatchObject({
    reason: 'malformed',
  })
})

test('a rightly signed message that breaks its own rules is malformed', () => {
  const empty = toBinary(TrustBundleSchema, create(TrustBundleSchema, { sequence: 1n }))
  expect(readStatement(TrustBundleSchema, signedBytes(empty), key.publicKey)).toMatchObject({ reason: 'malformed' })
})

test('a message that breaks its own rules cannot be signed', () => {
  expect(() => signStatement(TrustBundleSchema, create(TrustBundleSchema), key)).toThrow('TrustBundle')
})

test('a key of low order has said nothing, whatever the signature', () => {
  const identity = Uint8Array.from([1, ...Array<number>(31).fill(0)])
  expect(readStatement(RevocationNoticeSchema, envelope, identity)).toMatchObject({ reason: 'key-invalid' })
})

test('fields a later contract adds stay in the bytes that were signed', () => {
  const withUnknown = Buffer.concat([toBinary(RevocationNoticeSchema, notice), Buffer.from('fa070568656c6c6f', 'hex')])
  const later = signedBytes(withUnknown, RevocationNoticeSchema.typeName)
  expect(openStatement(RevocationNoticeSchema, later, key.publicKey)).toMatchObject({ reason: 'contract ended' })
  expect(statementDigest(later)).not.toEqual(statementDigest(envelope))
})

function signedBytes(payload: Uint8Array, typeName: string = TrustBundleSchema.typeName): Envelope {
  const payloadType = `application/vnd.${typeName}+protobuf`
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload])
  return create(EnvelopeSchema, { payloadType, payload, signature: sign(null, pae, key.privateKey) })
}
