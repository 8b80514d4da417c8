import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCsr, CsrInvalid, derToPem, pemToDer, readCsr } from './index.ts'
import { hasOpenssl, openssl } from './testing/openssl.ts'

let dir: string
let csr: Awaited<ReturnType<typeof createCsr>>
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'csr-'))
  csr = await createCsr()
})
afterAll(() => rmSync(dir, { recursive: true }))

test.each(['P-256', 'Ed25519'])('a request of a %s key gives that key', async (kind) => {
  const { privateKey, publicKey } =
    kind === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  const { csrDer } = await createCsr(privateKey)
  expect((await readCsr(csrDer)).spki).toEqual(publicKey.export({ format: 'der', type: 'spki' }))
})

test('without a key given, a new one is made and handed back', async () => {
  const key = createPrivateKey({ key: csr.privateKeyPkcs8Der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  expect((await readCsr(csr.csrDer)).spki).toEqual(spki)
})

test('any bit changed anywhere, and the request proves nothing of any other key', async () => {
  const { spki } = await readCsr(csr.csrDer)
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat({ max: 7 }), async (at, bit) => {
      const changed = Buffer.from(csr.csrDer)
      const index = at % changed.length
      changed[index] = (changed[index] ?? 0) ^ (1 << bit)
      const read = await readCsr(changed).catch((error: unknown) => error)
      // The wrapping around the signature is not under it: there a change may pass, and changes nothing.
      expect([{ spki }, expect.any(CsrInvalid)]).toContainEqual(read)
    }),
    { numRuns: 300 },
  )
})

test('cut short, made longer, or no request at all, it is refused and nothing else is thrown', async () => {
  const broken = [
    csr.csrDer.subarray(0, -1),
    Buffer.concat([csr.csrDer, Buffer.of(0)]),
    Buffer.alloc(0),
    Buffer.alloc(4097, 0x30),
    csr.privateKeyPkcs8Der,
  ]
  for (const der of broken) await expect(readCsr(der)).rejects.toThrow(CsrInvalid)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (der) => {
      await expect(readCsr(der)).rejects.toThrow(CsrInvalid)
    }),
  )
})

test('a stolen public key under a foreign signature proves nothing', async () => {
  const mine = await createCsr()
  const theirKey = (await readCsr(csr.csrDer)).spki
  const myKey = (await readCsr(mine.csrDer)).spki
  const forged = Buffer.from(mine.csrDer)
  theirKey.copy(forged, forged.indexOf(myKey))
  await expect(readCsr(forged)).rejects.toThrow('not signed by the key it names')
})

test('a request longer than any honest one is not even parsed', async () => {
  await expect(readCsr(Buffer.alloc(4097, 0x30))).rejects.toThrow('at most 4096 bytes')
})

test('a key of low order is refused before its signature is looked at', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { csrDer } = await createCsr(privateKey)
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  csrDer.fill(0, csrDer.indexOf(raw), csrDer.indexOf(raw) + 32)
  await expect(readCsr(csrDer)).rejects.toThrow('low order')
})

test.skipIf(!hasOpenssl)('openssl reads ours', () => {
  const text = openssl(
    dir,
    { 'r.pem': derToPem(csr.csrDer, 'CERTIFICATE REQUEST') },
    'req',
    '-in',
    'r.pem',
    '-noout',
    '-verify',
  )
  expect(text).toContain('verify OK')
})

test.skipIf(!hasOpenssl).each([
  ['a P-256 key, names and extensions asked for', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'accepted'],
  ['an Ed25519 key', ['-newkey', 'ed25519'], 'accepted'],
  ['an RSA key', ['-newkey', 'rsa:2048'], 'refused'],
  ['a P-384 key', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'refused'],
  ['a secp256k1 key', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], 'refused'],
  [
    'a P-256 key with the curve spelled out',
    ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    'refused',
  ],
])('openssl’s request with %s', async (_, keyArgs, accepted) => {
  const asked = [
    '-subj',
    '/CN=root',
    '-addext',
    'basicConstraints=CA:TRUE',
    '-addext',
    'subjectAltName=URI:spiffe://b.example/service/x',
  ]
  openssl(dir, {}, 'req', '-new', '-nodes', '-keyout', 'k.pem', '-out', 'theirs.pem', ...asked, ...keyArgs)
  const [der = Buffer.alloc(0)] = pemToDer(openssl(dir, {}, 'req', '-in', 'theirs.pem'), 'CERTIFICATE REQUEST')
  const outcome = await readCsr(der).then(
    () => 'accepted',
    (error: unknown) => error instanceof CsrInvalid && 'refused',
  )
  expect(outcome).toBe(accepted)
})
