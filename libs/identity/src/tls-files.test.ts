import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { FakeClock } from '@powernode/clock/testing'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  certificatesToPem,
  createCrls,
  derToPem,
  pemToDer,
  readTlsFiles,
  TlsFilesBroken,
  watchTlsFiles,
  writeTlsFiles,
  type Authority,
  type SpiffeId,
  type TlsMaterial,
} from './index.ts'
import { BAD_CERTIFICATES, forgeCertificate, makeTestAuthority, makeTestIdentity } from './testing.ts'

const REGISTRY: SpiffeId = { trustDomain: 'a.example', kind: 'service', name: 'peer-registry' }
const FILES = ['cert.pem', 'key.pem', 'roots.pem']

let top: string
let dir: string
let authority: Authority
let first: TlsMaterial
let second: TlsMaterial
beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), 'tls-files-'))
  authority = await makeTestAuthority('a.example')
  first = await makeTestIdentity(authority, REGISTRY, join(top, 'first'))
  second = await makeTestIdentity(authority, REGISTRY, join(top, 'second'))
})
beforeEach(() => void (dir = mkdtempSync(join(top, 'case-'))))
afterAll(() => rmSync(top, { recursive: true }))

/** As an operator would: plain files, copied one by one. */
function place(material: TlsMaterial, files = FILES): void {
  const texts: Record<string, string> = { 'cert.pem': material.cert, 'key.pem': material.key, 'roots.pem': material.ca }
  for (const file of files) writeFileSync(join(dir, file), texts[file] ?? '', { mode: 0o600 })
}

test('what is written is what is read, whether by us or by hand', () => {
  expect(writeTlsFiles(dir, first)).toEqual(first)
  rmSync(dir, { recursive: true })
  mkdirSync(dir)
  place(first)
  expect(readTlsFiles(dir)).toEqual(first)
  expect(first).toMatchObject({ spiffeId: REGISTRY, serial: expect.stringMatching(/^[0-9a-f]{32}$/) })
})

test('what was found whole is not checked again until another text stands there', () => {
  place(first)
  const read = readTlsFiles(dir)
  expect(readTlsFiles(dir)).toBe(read)
  const roots = join(dir, 'roots.pem')
  writeFileSync(roots, `${readFileSync(roots, 'utf8')}\n`)
  expect(readTlsFiles(dir)).not.toBe(read)
})

test('every other program finds plain file names, and only the owner may read the key', () => {
  writeTlsFiles(dir, first)
  expect(readFileSync(join(dir, 'cert.pem'), 'utf8')).toBe(first.cert)
  expect(statSync(join(dir, 'key.pem')).mode & 0o777).toBe(0o600)
})

test.each([
  ['nothing', [], 'neither cert.pem nor key.pem'],
  ['a key without a certificate', ['key.pem', 'roots.pem'], 'half a key pair'],
  ['a certificate without a key', ['cert.pem', 'roots.pem'], 'half a key pair'],
  ['no roots', ['cert.pem', 'key.pem'], 'roots.pem'],
])('%s is an error that says what to type', (_, files, problem) => {
  place(first, files)
  const error = brokenness()
  expect(error.message).toContain(problem)
  expect(error.message).toContain(`mend it: ${error.mend}`)
  expect(error.mend).toContain(dir)
})

test('a key of another certificate is refused', () => {
  place(first)
  place(second, ['key.pem'])
  const error = brokenness()
  expect(error.message).toContain('key.pem is not the key of cert.pem')
  expect(error.mend).toBe(`fedctl cert issue peer-registry --kind service --out ${dir} --host <host>`)
})

test('a chain whose parts do not belong together is refused', async () => {
  const foreign = await makeTestAuthority('a.example')
  const [leaf = ''] = first.cert.split(/(?<=END CERTIFICATE-----\n)/)
  place(first)
  writeFileSync(join(dir, 'cert.pem'), leaf + certificatesToPem([foreign.issuingCertificate, foreign.rootCertificate]))
  expect(brokenness().message).toContain('certificate 1 is not signed by the one after it')
})

test('a signature that does not hold, or an issuer’s name that does not fit, breaks the chain', async () => {
  const [leaf, issuing, root] = pemToDer(first.cert, 'CERTIFICATE')
  if (!leaf || !issuing || !root) throw new Error('a chain has three certificates')
  const altered = Buffer.from(leaf)
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
  const { publicKey } = new X509Certificate(leaf)
  const misnamed = await forgeCertificate({ publicKey, issuer: { certificate: root, key: authority.issuingKey } })
  for (const wrong of [altered, misnamed]) {
    place({ ...first, cert: certificatesToPem([wrong, issuing, root]) })
    expect(brokenness().message).toContain('certificate 1 is not signed by the one after it')
  }
})

test.each([
  ['cert.pem', 'cannot be read as a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ['cert.pem', 'holds no certificate', 'hello'],
  ['key.pem', 'cannot be read as a private key', 'hello'],
  ['roots.pem', 'no roots.pem with a certificate', 'hello'],
])('%s that %s is refused', (file, problem, content) => {
  place(first)
  writeFileSync(join(dir, file), content)
  expect(brokenness().message).toContain(problem)
})

test('a key that every user may read is refused, and mended by chmod', () => {
  place(first)
  chmodSync(join(dir, 'key.pem'), 0o644)
  expect(brokenness().mend).toBe(`chmod 600 ${join(dir, 'key.pem')}`)
})

test.each(['without SPIFFE id', 'with two URI SANs'] as const)(
  'a certificate %s is nobody’s identity',
  async (name) => {
    place({ ...first, ...(await BAD_CERTIFICATES[name](authority, REGISTRY)) })
    expect(brokenness().message).toContain('exactly one SPIFFE id')
  },
)

test('a certificate that ended or has not begun is refused where the moment is known', () => {
  place(first)
  expect(() => readTlsFiles(dir, new Date(first.notAfter.getTime() + 1))).toThrow('ended at')
  expect(() => readTlsFiles(dir, new Date(first.notBefore.getTime() - 1))).toThrow('is this clock right?')
  expect(readTlsFiles(dir, first.notAfter)).toEqual(first)
})

test('each list stands by itself, since node:tls reads only the first of a text', async () => {
  const times = { number: 1, now: first.notBefore, nextUpdate: first.notAfter }
  const crl = (await createCrls(authority, [], times)).map((der) => derToPem(der, 'X509 CRL'))
  expect(writeTlsFiles(dir, { ...first, crl }).crl).toEqual(crl)
  expect(writeTlsFiles(dir, first).crl).toBeUndefined()
  expect(readdirSync(dir)).not.toContain('crl.pem')
})

test('files placed by hand over ours count, and our next write takes over again', () => {
  writeTlsFiles(dir, first)
  for (const file of FILES) {
    copyFileSync(join(top, 'second', file), join(dir, `${file}.tmp`))
    renameSync(join(dir, `${file}.tmp`), join(dir, file))
  }
  expect(readTlsFiles(dir)).toEqual(second)
  expect(writeTlsFiles(dir, first)).toEqual(first)
})

test('no reader ever sees half an identity, while another process replaces it as fast as it can', async () => {
  place(second)
  const writer = new Worker(new URL('./testing/replace-identity.ts', import.meta.url), {
    workerData: { dir, versions: [first, second], rounds: 200 },
  })
  const done = once(writer, 'exit')
  const seen = new Set<string>()
  while (writer.threadId > 0) {
    // -1 once it has ended
    seen.add(readTlsFiles(dir).serial)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
  expect(seen).toEqual(new Set([first.serial, second.serial]))
  expect(readdirSync(dir).filter((entry) => entry.startsWith('.version-'))).toHaveLength(2)
})

test('a watcher tells what is there, then each change, and keeps silent in between', async () => {
  writeTlsFiles(dir, first)
  const { clock, told, stop } = watch()
  await clock.advance(10_000)
  writeTlsFiles(dir, second)
  await clock.advance(10_000)
  await stop()
  expect(told).toEqual([first.serial, second.serial])
})

test('a watcher tells broken files once for each state, and goes on to the next good pair', async () => {
  place(first)
  const { clock, told, stop } = watch()
  await clock.advance(1000)
  place(second, ['key.pem'])
  await clock.advance(5000)
  rmSync(join(dir, 'key.pem'))
  await clock.advance(5000)
  place(second)
  await clock.advance(1000)
  await stop()
  expect(told).toEqual([first.serial, 'TlsFilesBroken', 'TlsFilesBroken', second.serial])
})

test('a watcher of an empty directory waits for an identity to come', async () => {
  const { clock, told, stop } = watch()
  await clock.advance(2000)
  writeTlsFiles(dir, first)
  await clock.advance(2000)
  await stop()
  expect(told).toEqual(['TlsFilesBroken', first.serial])
})

function watch() {
  const clock = new FakeClock()
  const stopping = new AbortController()
  const told: string[] = []
  const onChange = ({ serial }: TlsMaterial) => told.push(serial)
  const onBroken = ({ name }: Error) => told.push(name)
  const watching = watchTlsFiles({ dir, clock, onChange, onBroken }, stopping.signal)
  const stop = () => {
    stopping.abort()
    return watching
  }
  return { clock, told, stop }
}

function brokenness(): TlsFilesBroken {
  try {
    readTlsFiles(dir)
  } catch (error) {
    if (error instanceof TlsFilesBroken) return error
    throw error
  }
  throw new Error('the files were read')
}
