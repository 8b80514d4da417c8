import { createPrivateKey, X509Certificate } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import {
  certificatesToPem,
  createCrls,
  createCsr,
  issueCertificate,
  parseSpiffeUri,
  pemToDer,
  readTlsFiles,
  writeTlsFiles,
  type Authority,
} from '@powernode/identity'
import { makeTestAuthority } from '@powernode/identity/testing'
import { createLogger } from '@powernode/process'
import { CertificateAuthorityService, type ReportTrustRequest } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callerOf, callerText, keepIdentity, mount, type CallersTable } from '../index.ts'
import { partly } from '../testing.ts'
import { startTlsServer, TRUST_DOMAIN, type TlsServer } from '../testing/tls-server.ts'

const nobody = {
  getAuthority: [],
  listCertificates: [],
  issueCertificate: [],
  revokeCertificate: [],
  revokeIdentity: [],
  planRotation: [],
  getRotation: [],
  applyRotation: [],
} as const
const service = ['service/liveness'] as const
const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  ...nobody,
  watchTrust: service,
  reportTrust: service,
  renewOwnCertificate: service,
}

/** A certificate authority that says what a test tells it to. */
type Trust = { sequence: bigint; roots: Buffer[]; crls: Buffer[]; currentGeneration: number }
let trust: Trust
let changed = Promise.withResolvers<void>()
let signer: Authority
let signsFor: (asked: Buffer) => Promise<Uint8Array>
let reports: Pick<ReportTrustRequest, 'sequence' | 'generation'>[]

const handlers = partly(CertificateAuthorityService, {
  async *watchTrust() {
    for (;;) {
      const next = changed.promise
      yield trust
      await next
    }
  },
  reportTrust({ sequence, generation }) {
    reports.push({ sequence, generation })
    return {}
  },
  async renewOwnCertificate({ csrDer }, context) {
    const spiffeId = parseSpiffeUri(`spiffe://${TRUST_DOMAIN}/${callerText(callerOf(context))}`)
    if (!spiffeId) throw new Error('the caller has no SPIFFE id')
    const now = clock.now()
    const holder = { csrDer: await signsFor(Buffer.from(csrDer)) }
    const notAfter = new Date(now.getTime() + 86_400_000)
    const { chain } = await issueCertificate(signer, {
      holder,
      spiffeId,
      notBefore: now,
      notAfter,
      usages: ['server', 'client'],
    })
    return { chain: [...chain] }
  },
})

let server: TlsServer
let dir: string
let clock: FakeClock
let log: string[]
let stop: AbortController
let kept: Promise<void>
let renewals: string[]

beforeEach(async () => {
  server = await startTlsServer(mount(CertificateAuthorityService, handlers, CALLERS))
  dir = await server.identity({ kind: 'service', name: 'liveness' })
  clock = new FakeClock(systemClock.now())
  signer = server.authority
  signsFor = (asked) => Promise.resolve(asked)
  trust = { sequence: 1n, roots: [signer.rootCertificate], crls: [], currentGeneration: 1 }
  reports = []
  log = []
  renewals = []
  stop = new AbortController()
  const logger = createLogger('test', { destination: { write: (line) => void log.push(line) } })
  const address = { host: '127.0.0.1', port: server.port }
  const onRenewal = (error: unknown) => void renewals.push(error instanceof Error ? error.message : 'renewed')
  kept = keepIdentity({ dir, address, trustDomain: TRUST_DOMAIN, clock, logger, onRenewal }, stop.signal)
})
afterEach(async () => {
  stop.abort()
  await kept
  await server.stop()
})

/** Lets time pass for the keeper, quickly, until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  for (let passes = 0; !isSo(); passes++) {
    if (passes > 5_000)
      throw new Error(`it never came to be so; the log says:\n${log.join('')}${JSON.stringify(server.logged())}`)
    await clock.advance(10)
  }
}

function say(next: Partial<Trust>): void {
  trust = { ...trust, ...next, sequence: trust.sequence + 1n }
  changed.resolve()
  changed = Promise.withResolvers()
}

const lastReport = () => reports.at(-1)
const leaf = () => new X509Certificate(readTlsFiles(dir).cert)

test('what to trust is written, and reported only once everything in the process uses it', async () => {
  const crls = await createCrls(signer, [], {
    number: 1,
    now: clock.now(),
    nextUpdate: new Date(clock.now().getTime() + 3_600_000),
  })
  await until(() => reports.length === 1)
  say({ crls })
  await until(() => readTlsFiles(dir).crl?.length === 2)
  const writtenAt = clock.now().getTime()
  await until(() => reports.length === 2)
  expect(clock.now().getTime() - writtenAt).toBeGreaterThanOrEqual(1_900)
  expect(lastReport()).toEqual({ sequence: 2n, generation: 1 })
})

test('a certificate is renewed after two thirds of its life, with a new key', async () => {
  await until(() => reports.length === 1)
  const before = { key: readTlsFiles(dir).key, serial: readTlsFiles(dir).serial }
  await clock.advance(14 * 3_600_000)
  expect(readTlsFiles(dir).serial).toBe(before.serial)
  await clock.advance(2.5 * 3_600_000)
  await until(() => readTlsFiles(dir).serial !== before.serial)
  expect(readTlsFiles(dir).key).not.toBe(before.key)
  expect(leaf().checkPrivateKey(createPrivateKey(readTlsFiles(dir).key))).toBe(true)
})

test('when the CA is replaced, both roots are trusted first, then the certificate is of the new one', async () => {
  await until(() => reports.length === 1)
  const next = await makeTestAuthority(TRUST_DOMAIN, 2)
  const both = [signer.rootCertificate, next.rootCertificate]
  const held = readTlsFiles(server.serverDir)
  writeTlsFiles(server.serverDir, { ...held, ca: certificatesToPem(both) })
  await expect.poll(() => server.logged().filter(({ msg }) => msg === 'tls material loaded').length).toBe(2)

  say({ roots: both })
  await until(() => lastReport()?.sequence === 2n)
  expect(lastReport()).toEqual({ sequence: 2n, generation: 1 })
  expect(pemToDer(readTlsFiles(dir).ca, 'CERTIFICATE')).toEqual(both)

  signer = next
  say({ roots: both.toReversed(), currentGeneration: 2 })
  await until(() => lastReport()?.generation === 2)
  expect(lastReport()).toEqual({ sequence: 3n, generation: 2 })
  expect(pemToDer(readTlsFiles(dir).cert, 'CERTIFICATE').at(-1)).toEqual(next.rootCertificate)
  expect(log.filter((line) => line.includes('trying again'))).toEqual([])
})

test('a certificate for another key is not taken, the log says why, and the next attempt succeeds', async () => {
  await until(() => reports.length === 1)
  const { serial } = readTlsFiles(dir)
  const stranger = await createCsr()
  signsFor = () => Promise.resolve(stranger.csrDer)
  await clock.advance(16.5 * 3_600_000)
  await until(() => log.some((line) => line.includes('another key')))
  expect(readTlsFiles(dir).serial).toBe(serial)
  expect(new Set(renewals)).toEqual(new Set(['the authority sent a certificate for another key']))
  signsFor = (asked) => Promise.resolve(asked)
  await until(() => readTlsFiles(dir).serial !== serial)
  await until(() => renewals.at(-1) === 'renewed')
})

test('trust without any root is not taken', async () => {
  await until(() => reports.length === 1)
  const { ca } = readTlsFiles(dir)
  say({ roots: [] })
  await until(() => log.some((line) => line.includes('no root at all')))
  expect(readTlsFiles(dir).ca).toBe(ca)
})
