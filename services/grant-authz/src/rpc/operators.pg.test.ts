import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { durationFromMs, timestampDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { OperatorDirectory } from '@powernode/operators'
import { inTransaction } from '@powernode/postgres'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { PERMISSIONS } from '@powernode/rpc'
import {
  expectRefusal,
  partly,
  refusesEverybodyElse,
  startTestServer,
  startTestServerFor,
  thumbprintOf,
  type TestServer,
} from '@powernode/rpc/testing'
import { mount } from '@powernode/rpc'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openOperatorArea, type OperatorArea } from '../operators/operator-area.ts'
import { openTokenKey } from '../operators/token-key.ts'
import type { Tables } from '../store/tables.ts'
import { announced, NOW, testGrants } from '../testing.ts'
import { OPERATOR_CALLERS } from './operators.ts'

const QUIET = createLogger('test', { level: 'silent' })
const ADMIN = { kind: 'operator', name: 'admin' } as const
const ALICE = { kind: 'operator', name: 'alice' } as const
const LIVENESS = { kind: 'service', name: 'liveness' } as const

let database: TestDatabase<Tables>
let clock: FakeClock
let dir: string
let area: OperatorArea
let server: TestServer
let stopping: AbortController
let ended: Promise<unknown>

beforeEach(async () => {
  database = await testGrants()
  clock = new FakeClock(NOW)
  dir = mkdtempSync(join(tmpdir(), 'powernode-operators-'))
  stopping = new AbortController()
  await open()
})
afterEach(async () => {
  stopping.abort()
  await ended
  await database.drop()
  rmSync(dir, { recursive: true })
})

function keyFile(type: 'ed25519' | 'x25519' = 'ed25519', mode = 0o600): string {
  const file = join(dir, `${type}-${mode}`)
  const pair = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519')
  writeFileSync(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  chmodSync(file, mode)
  return file
}

async function open(): Promise<void> {
  const config = {
    operatorTokenKeyFile: keyFile(),
    trustDomain: 'a.example',
    feedLeaseMs: 1_000,
    firstOperator: 'admin',
    oidc: undefined,
  }
  const deps = {
    db: database.db,
    listener: testListener({ url: database.url, schema: 'grant_authz' }),
    schema: 'grant_authz',
    clock,
    logger: QUIET,
    metrics: createMetrics('test'),
  }
  area = await openOperatorArea(deps, config)
  server = startTestServerFor(area.operators, area.mount)
  ended = Promise.all(area.tasks.map((task) => task(stopping.signal)))
}

const as = (caller: Parameters<TestServer['clientAs']>[1]) => server.clientAs(OperatorService, caller)
const admin = () => as(ADMIN)
const setAlice = (said: object = {}) => admin().setOperator({ operator: { name: 'alice', roles: ['viewer'], ...said } })
const bound = (caller: typeof ADMIN | typeof ALICE) => Buffer.from(thumbprintOf(caller), 'base64url')

test('nobody but those in the table, RPC by RPC', async () => {
  const open = startTestServer(mount(OperatorService, partly(OperatorService, {}), OPERATOR_CALLERS))
  await refusesEverybodyElse(OperatorService, OPERATOR_CALLERS, open.clientAs)
})

test('the first operator may do everything, and whoever is unknown nothing', async () => {
  const { permissions, by } = await admin().whoAmI({})
  expect({ permissions, by }).toEqual({ permissions: PERMISSIONS, by: 'certificate' })
  await expectRefusal(as(ALICE).listOperators({}), 'OPERATOR_UNKNOWN')
})

test('an operator that is made, demoted, paused, let go on and removed finds it so with its next call', async () => {
  await setAlice()
  await expect(as(ALICE).listOperators({})).resolves.toBeDefined()
  await expectRefusal(as(ALICE).removeOperator({ name: 'admin' }), 'PERMISSION_MISSING')
  await setAlice({ paused: true })
  await expectRefusal(as(ALICE).listOperators({}), 'OPERATOR_PAUSED')
  await setAlice({ roles: [] })
  await expectRefusal(as(ALICE).listOperators({}), 'PERMISSION_MISSING')
  await admin().removeOperator({ name: 'alice' })
  await expectRefusal(as(ALICE).listOperators({}), 'OPERATOR_UNKNOWN')
  await expectRefusal(admin().removeOperator({ name: 'alice' }), 'OPERATOR_UNKNOWN')
  const { operators } = await admin().listOperators({})
  expect(operators.map(({ name, setBy }) => ({ name, setBy }))).toEqual([
    { name: 'admin', setBy: 'service/grant-authz' },
  ])
})

test('a rehearsal says what would be, and changes nothing', async () => {
  const { operator } = await admin().setOperator({ operator: { name: 'alice', roles: ['operator'] }, dryRun: true })
  expect(operator?.permissions).toContain('system.infra_tasks.control')
  await expectRefusal(admin().removeOperator({ name: 'admin', dryRun: true }), 'OPERATOR_LAST_ADMIN')
  expect((await admin().setRole({ role: { name: 'mine' }, dryRun: true })).role?.builtIn).toBe(false)
  const told = await admin().issueToken({ name: 'admin', certificateSha256: bound(ADMIN), dryRun: true })
  expect(told.token).toBe('')
  expect((await admin().listOperators({})).operators).toHaveLength(1)
  expect((await admin().listRoles({})).roles).toHaveLength(4)
  expect(await inTransaction(database.db, announced)).toEqual(['operator.set'])
})

test('whoever is paused, or unknown, can still ask who it is', async () => {
  await setAlice({ paused: true })
  expect(await as(ALICE).whoAmI({})).toMatchObject({ caller: 'operator/alice', roles: ['viewer'], permissions: [] })
  expect(await as({ kind: 'operator', name: 'bob' }).whoAmI({})).toMatchObject({ kind: '', permissions: [] })
})

test('a token speaks for its operator over the one connection it is made for, until it ends', async () => {
  await setAlice()
  const { token, expiresAt } = await admin().issueToken({
    name: 'alice',
    certificateSha256: bound(ADMIN),
    ttl: durationFromMs(120_000),
  })
  expect(expiresAt && timestampDate(expiresAt)).toEqual(new Date(NOW.getTime() + 120_000))
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', typ: 'powernode-operator+jwt' })
  const { jti, ...claims } = decodeJwt(token)
  expect(jti).toMatch(/^[0-9a-f-]{36}$/)
  expect(claims).toEqual({
    iss: 'spiffe://a.example/service/grant-authz',
    aud: 'powernode:a.example',
    sub: 'alice',
    iat: NOW.getTime() / 1_000,
    exp: NOW.getTime() / 1_000 + 120,
    cnf: { 'x5t#S256': thumbprintOf(ADMIN) },
  })
  const headers = { authorization: `Bearer ${token}` }
  const me = await admin().whoAmI({}, { headers })
  expect(me).toMatchObject({ caller: 'operator/alice', by: 'token', permissions: ['system.federation.read'] })
  await expectRefusal(admin().removeOperator({ name: 'alice' }, { headers }), 'PERMISSION_MISSING')
  await expectRefusal(as(ALICE).listOperators({}, { headers }), 'TOKEN_INVALID')
  await clock.advance(120_000)
  await expectRefusal(admin().listOperators({}, { headers }), 'TOKEN_INVALID')
})

test('a token of an operator that was removed, or paused, opens nothing', async () => {
  await setAlice()
  const { token } = await admin().issueToken({ name: 'alice', certificateSha256: bound(ADMIN) })
  const headers = { authorization: `Bearer ${token}` }
  await setAlice({ paused: true })
  await expectRefusal(admin().listOperators({}, { headers }), 'OPERATOR_PAUSED')
  await admin().removeOperator({ name: 'alice' })
  await expectRefusal(admin().listOperators({}, { headers }), 'OPERATOR_UNKNOWN')
})

test('whoever is paused does not come in by the token of another', async () => {
  await setAlice()
  const { token } = await admin().issueToken({ name: 'admin', certificateSha256: bound(ALICE) })
  const headers = { authorization: `Bearer ${token}` }
  await expect(as(ALICE).listRoles({}, { headers })).resolves.toBeDefined()
  await setAlice({ paused: true })
  await expectRefusal(as(ALICE).listRoles({}, { headers }), 'OPERATOR_PAUSED')
})

test('nothing extends its own life: a token is not made for a token', async () => {
  const { token } = await admin().issueToken({ name: 'admin', certificateSha256: bound(ADMIN) })
  const headers = { authorization: `Bearer ${token}` }
  const again = admin().issueToken({ name: 'admin', certificateSha256: bound(ADMIN) }, { headers })
  await expectRefusal(again, 'CALLER_NOT_ALLOWED')
})

test('an agent makes nobody an operator, itself no person and no token, though it has the role admin', async () => {
  const robot = { kind: 'operator', name: 'robot' } as const
  await admin().setOperator({ operator: { name: 'robot', kind: 'agent', roles: ['admin'] } })
  const person = { name: 'robot', kind: 'person', roles: ['admin'] }
  await expectRefusal(as(robot).setOperator({ operator: person }), 'PERMISSION_MISSING')
  await expectRefusal(as(robot).setOperator({ operator: { ...person, name: 'mallory' } }), 'PERMISSION_MISSING')
  await expectRefusal(as(robot).setRole({ role: { name: 'mine' } }), 'PERMISSION_MISSING')
  await expectRefusal(as(robot).removeOperator({ name: 'admin' }), 'PERMISSION_MISSING')
  const certificateSha256 = Buffer.from(thumbprintOf(robot), 'base64url')
  await expectRefusal(as(robot).issueToken({ name: 'admin', certificateSha256 }), 'PERMISSION_MISSING')
  await expect(as(robot).listOperators({})).resolves.toBeDefined()
})

test('every service is told who the operators are, and again at each change', async () => {
  const metrics = createMetrics('reader')
  const directory = new OperatorDirectory({
    operators: as(LIVENESS),
    reader: 'liveness',
    clock,
    logger: QUIET,
    metrics,
  })
  const following = directory.run(stopping.signal)
  const shown = { holder: ALICE, certificateSha256: 'x', token: undefined }
  await expectRefusal(directory.identify(shown, stopping.signal), 'OPERATOR_UNKNOWN')
  await setAlice()
  const { permissions } = await directory.identify(shown, stopping.signal) // told before SetOperator answered
  expect([...permissions]).toEqual(['system.federation.read'])
  await admin().setRole({ role: { name: 'keeper', permissions: ['system.federation_ca.manage'] } })
  await setAlice({ roles: ['keeper'] })
  expect([...(await directory.identify(shown, stopping.signal)).permissions]).toEqual(['system.federation_ca.manage'])
  await admin().setRole({ role: { name: 'keeper', permissions: [] } })
  expect([...(await directory.identify(shown, stopping.signal)).permissions]).toEqual([])
  stopping.abort()
  await following
})

test('what services are told of our own issuer is its public key, and what it demands', async () => {
  const { told } = await openTokenKey(keyFile(), 'a.example')
  expect(told).toMatchObject({ audience: 'powernode:a.example', algorithms: ['EdDSA'], mustBeBound: true })
  expect(JSON.parse(told.jwksJson)).toEqual({
    keys: [{ kty: 'OKP', crv: 'Ed25519', x: expect.any(String), kid: expect.any(String), alg: 'EdDSA', use: 'sig' }],
  })
})

test('a key that others can read, or that cannot sign, is not used', async () => {
  await expect(openTokenKey(keyFile('ed25519', 0o644), 'a.example')).rejects.toThrow(/chmod 600/)
  await expect(openTokenKey(keyFile('x25519'), 'a.example')).rejects.toThrow(/no Ed25519 key/)
})
