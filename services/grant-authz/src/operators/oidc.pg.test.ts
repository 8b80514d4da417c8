import { once } from 'node:events'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { readTlsFiles } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { expectRefusal, startTestServerFor, type TestServer } from '@powernode/rpc/testing'
import { exportJWK, generateKeyPair, SignJWT, type GenerateKeyPairResult, type JWK } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tables } from '../store/tables.ts'
import { NOW, testGrants } from '../testing.ts'
import { askIssuer } from './ask-issuer.ts'
import { openOperatorArea } from './operator-area.ts'

const ADMIN = { kind: 'operator', name: 'admin' } as const
const lines: string[] = []
const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
const never = new AbortController().signal

let dir: string
let issuerServer: Server
let issuer: string
/** What the issuer answers under each path, to be changed by a test. */
let answers: Record<string, unknown>
let first: GenerateKeyPairResult
let second: GenerateKeyPairResult

const jwk = async ({ publicKey }: GenerateKeyPairResult, kid: string): Promise<JWK> => ({
  ...(await exportJWK(publicKey)),
  kid,
  alg: 'ES256',
  use: 'sig',
})

beforeAll(async () => {
  first = await generateKeyPair('ES256')
  second = await generateKeyPair('ES256')
  dir = mkdtempSync(join(tmpdir(), 'powernode-oidc-'))
  const authority = await makeTestAuthority('id.example')
  await makeTestIdentity(authority, { trustDomain: 'id.example', kind: 'service', name: 'issuer' }, dir)
  const { cert, key, ca } = readTlsFiles(dir)
  issuerServer = createServer({ cert, key }, (req, res) => {
    const answer = answers[req.url ?? '']
    if (typeof answer === 'number') res.writeHead(answer, { location: `${issuer}/elsewhere` }).end()
    else res.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  issuerServer.listen(0, '127.0.0.1')
  await once(issuerServer, 'listening')
  issuer = `https://localhost:${(issuerServer.address() as AddressInfo).port}` // listens on a port, not on a path
  setDefaultCACertificates([...getCACertificates(), ca])
})
afterAll(() => {
  issuerServer.close()
  issuerServer.closeAllConnections()
  rmSync(dir, { recursive: true })
})

beforeEach(async () => {
  answers = {
    '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys`, authorization_endpoint: 'x' },
    '/keys': { keys: [await jwk(first, 'k1')] },
  }
})

let database: TestDatabase<Tables>
let stopping: AbortController
let ended: Promise<unknown> | undefined
beforeEach(() => {
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  await ended
  if (ended) await database.drop()
  ended = undefined
})

async function start(clock: FakeClock): Promise<TestServer> {
  database = await testGrants()
  const operatorTokenKeyFile = join(dir, 'token-key')
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(operatorTokenKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const oidc = { issuer, audience: 'federation', algorithms: ['ES256'] }
  const config = { operatorTokenKeyFile, trustDomain: 'a.example', feedLeaseMs: 1_000, firstOperator: 'admin', oidc }
  const schema = 'grant_authz'
  const listener = testListener({ url: database.url, schema })
  const deps = { db: database.db, listener, schema, clock, logger, metrics: createMetrics('test') }
  const area = await openOperatorArea(deps, config)
  ended = Promise.all(area.tasks.map((task) => task(stopping.signal)))
  return startTestServerFor(area.operators, area.mount)
}

const token = (pair: GenerateKeyPairResult, kid: string, claims: object = {}) =>
  new SignJWT({ sub: 'subject-7', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience('federation')
    .setIssuedAt(NOW)
    .setExpirationTime(new Date(NOW.getTime() + 7 * 86_400_000))
    .sign(pair.privateKey)

test('an operator comes in with a token of the issuer, by its subject; a key that is replaced ends what it signed', async () => {
  const clock = new FakeClock(NOW)
  const server = await start(clock)
  const client = server.clientAs(OperatorService, ADMIN)
  await client.setOperator({ operator: { name: 'alice', roles: ['viewer'], oidcSubjects: ['subject-7'] } })
  const old = { headers: { authorization: `Bearer ${await token(first, 'k1')}` } }
  const whoAmI = (options: typeof old) => client.whoAmI({}, options).then(({ caller, by }) => ({ caller, by }))
  await until(async () => (await whoAmI(old).catch(() => undefined)) !== undefined)
  expect(await whoAmI(old)).toEqual({ caller: 'operator/alice', by: 'token' })
  const nobody = { headers: { authorization: `Bearer ${await token(first, 'k1', { sub: 'alice' })}` } }
  await expectRefusal(whoAmI(nobody), 'OPERATOR_UNKNOWN') // a subject is not a name

  answers['/keys'] = { keys: [await jwk(second, 'k2')] }
  const fresh = { headers: { authorization: `Bearer ${await token(second, 'k2')}` } }
  await expectRefusal(whoAmI(fresh), 'TOKEN_INVALID')
  await until(async () => {
    await clock.advance(30_000)
    return whoAmI(fresh).then(() => true, () => false) // prettier-ignore
  })
  await expectRefusal(whoAmI(old), 'TOKEN_INVALID')
})

test('an issuer that is away is asked again, and what it said before holds meanwhile', async () => {
  const clock = new FakeClock(NOW)
  const server = await start(clock)
  const client = server.clientAs(OperatorService, ADMIN)
  await client.setOperator({ operator: { name: 'alice', roles: ['viewer'], oidcSubjects: ['subject-7'] } })
  const headers = { authorization: `Bearer ${await token(first, 'k1')}` }
  await until(() => client.whoAmI({}, { headers }).then(() => true, () => false)) // prettier-ignore
  answers['/keys'] = 503
  lines.length = 0
  await until(async () => {
    await clock.advance(30_000)
    return lines.some((line) => line.includes('cannot be asked for its keys'))
  })
  await expect(client.whoAmI({}, { headers })).resolves.toMatchObject({ caller: 'operator/alice' })
})

test('only public keys for signatures are taken over', async () => {
  const enc = { ...(await jwk(second, 'enc')), use: 'enc' }
  const secret = { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac', alg: 'HS256' }
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  answers['/keys'] = {
    keys: [enc, secret, { ...(await exportJWK(privateKey)), kid: 'private' }, await jwk(first, 'k1')],
  }
  const { keys } = JSON.parse(await askIssuer(issuer, never)) as { keys: JWK[] }
  expect(keys.map(({ kid }) => kid)).toEqual(['k1'])
})

test.each<[string, RegExp, () => void]>([
  [
    'calls itself otherwise',
    /calls itself/,
    () => (answers['/.well-known/openid-configuration'] = { issuer: `${issuer}/`, jwks_uri: `${issuer}/keys` }),
  ],
  [
    'has its keys where nothing is encrypted',
    /jwks_uri/,
    () => (answers['/.well-known/openid-configuration'] = { issuer, jwks_uri: 'http://localhost/keys' }),
  ],
  ['sends us elsewhere', /answered 302/, () => (answers['/.well-known/openid-configuration'] = 302)],
  ['sends us elsewhere for its keys', /answered 302/, () => (answers['/keys'] = 302)],
  ['says nothing that can be read', /JSON/, () => (answers['/keys'] = '<html>')],
  ['has no keys', /no public key/, () => (answers['/keys'] = { keys: [] })],
  ['says far too much', /more than 65536/, () => (answers['/keys'] = 'x'.repeat(70_000))],
])('an issuer is not believed that %s', async (_, why, change) => {
  change()
  await expect(askIssuer(issuer, never)).rejects.toThrow(why)
})

test('an issuer is not believed whose certificate is nobody’s we trust', async () => {
  const trusted = getCACertificates()
  setDefaultCACertificates(getCACertificates('bundled'))
  try {
    await expect(askIssuer(issuer, never)).rejects.toThrow(/certificate/)
  } finally {
    setDefaultCACertificates(trusted)
  }
})
