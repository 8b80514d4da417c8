import { generatePlatformKey, readStatement } from '@powernode/identity'
import { LedgerKeysSchema } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../../test/platform.ts'
import { keyPairFrom } from '../ledger-keys.ts'
import { envelopeBytes } from '../statements.ts'
import { endorseLedgerKeys } from './endorse-ledger-keys.ts'

let a: TestPlatform
beforeEach(async () => void (a = await startPlatform('a.example')))
afterEach(() => a.drop())

const someKeys = () => ({
  logPublicKey: generatePlatformKey().publicKey,
  witnessPublicKey: generatePlatformKey().publicKey,
})
const endorse = (keys: ReturnType<typeof someKeys>) =>
  a.act((tx, now) => endorseLedgerKeys(tx, now, { us: a.us, pair: keyPairFrom(keys) }))

async function said(keys: ReturnType<typeof someKeys>) {
  const opened = readStatement(LedgerKeysSchema, await endorse(keys), a.us.key.publicKey)
  if (!('message' in opened)) throw new Error(opened.detail)
  return opened.message
}

test('the identity key says which keys sign our logs, and whose they are', async () => {
  const keys = someKeys()
  expect(await said(keys)).toMatchObject({
    platformId: a.platformId,
    trustDomain: 'a.example',
    logPublicKey: Uint8Array.from(keys.logPublicKey),
    witnessPublicKey: Uint8Array.from(keys.witnessPublicKey),
    sequence: 1n,
  })
})

test('the same keys keep their statement, word for word; each change of a key has a greater sequence', async () => {
  const [first, second] = [someKeys(), someKeys()]
  const words = envelopeBytes(await endorse(first))
  expect(envelopeBytes(await endorse(first))).toEqual(words)
  expect((await said(second)).sequence).toBe(2n)
  expect((await said({ ...second, witnessPublicKey: first.witnessPublicKey })).sequence).toBe(3n)
  expect((await said(first)).sequence).toBe(4n)
})

test('twenty replicas that ask at once are given one number each at most, and none twice', async () => {
  const keys = Array.from({ length: 20 }, someKeys)
  const sequences = await Promise.all(keys.map(async (pair) => (await said(pair)).sequence))
  expect(new Set(sequences).size).toBe(20)
})

test('a key that everybody could sign with is not endorsed', async () => {
  const lowOrder = Uint8Array.from([1, ...Array.from({ length: 31 }, () => 0)])
  const keys = someKeys()
  await expectRefusal((async () => endorse({ ...keys, logPublicKey: lowOrder }))(), 'IDENTITY_KEY_INVALID')
  await expectRefusal((async () => endorse({ ...keys, witnessPublicKey: lowOrder }))(), 'IDENTITY_KEY_INVALID')
})
