import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { DirectorySchema, OperatorService, type Directory } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { expectRefusal, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OperatorDirectory } from './follow-operators.ts'
import { tellsOperators } from './testing.ts'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const LIVENESS = { kind: 'service', name: 'liveness' } as const
const ALICE = { holder: { kind: 'operator', name: 'alice' }, certificateSha256: 'x', token: undefined } as const
const never = new AbortController().signal

let clock: FakeClock
let server: TestServer
let directory: OperatorDirectory
let stopping: AbortController
let following: Promise<void>
/** What grant-authz has to say; nothing while it is away. */
let told: Directory | undefined
let lines: string[]

const withRole = (...permissions: string[]) =>
  create(DirectorySchema, {
    operators: [{ name: 'alice', kind: 'person', permissions }],
    policies: [{ action: 'sdwan.federation_peer_revoke', verb: 'blocked', approvers: 1 }],
    autonomy: { halted: true, reason: 'a drill' },
    approved: { 'service/liveness': 3 },
  })

beforeEach(() => {
  clock = new FakeClock(NOW)
  lines = []
  told = undefined
  server = startTestServer(tellsOperators(() => told))
  directory = new OperatorDirectory({
    operators: server.clientAs(OperatorService, LIVENESS),
    reader: 'liveness',
    clock,
    logger: createLogger('test', { destination: { write: (line) => void lines.push(line) } }),
    metrics: createMetrics('test'),
    elapsedMs: () => clock.now().getTime(),
  })
  stopping = new AbortController()
  following = directory.run(stopping.signal)
})
afterEach(async () => {
  stopping.abort()
  await following
})

/** Lets what is under way come to rest, a little at a time. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) await clock.advance(250)
}

const permissions = async (): Promise<string[]> => [...(await directory.identify(ALICE, never)).permissions]

test('before the first word a call waits two seconds, and is refused then, naming what is missing', async () => {
  const refusal = expectRefusal(directory.identify(ALICE, never), 'POLICY_STALE')
  await pass(2_250)
  const { next, retryAfterMs } = await refusal
  expect(next).toContain('grant-authz')
  expect(retryAfterMs).toBeGreaterThan(0)
})

test('a call that waits is answered as soon as the first word is there', async () => {
  const call = permissions()
  told = withRole('system.federation.read')
  await pass(1_750)
  expect(await call).toEqual(['system.federation.read'])
})

test('a caller that hangs up while it waits waits no longer', async () => {
  const hungUp = new AbortController()
  const call = expectRefusal(directory.identify(ALICE, hungUp.signal), 'POLICY_STALE')
  hungUp.abort()
  await call
})

test('while grant-authz is away operators go on for half a minute, then nobody does, until it is back', async () => {
  told = withRole('system.federation.read')
  await pass(2_000)
  expect(await permissions()).toEqual(['system.federation.read'])
  const before = told
  told = undefined
  await pass(28_000)
  expect(await permissions()).toEqual(['system.federation.read'])
  expect(directory.policyOf('sdwan.federation_peer_revoke')?.verb).toBe('blocked')
  await pass(3_000)
  const refused = expectRefusal(permissions(), 'POLICY_STALE')
  await pass(2_250)
  await refused
  expect(() => directory.policyOf('sdwan.federation_peer_revoke')).toThrow(/not known at this moment/)
  expect(() => directory.autonomy).toThrow(/not known at this moment/)
  told = before
  await pass(3_000)
  expect(await permissions()).toEqual(['system.federation.read'])
})

test('nothing that is read prolongs it: without a tick, half a minute is half a minute', async () => {
  told = withRole('system.federation.read')
  await pass(2_000)
  told = undefined
  for (let reads = 0; reads < 28; reads++) {
    await permissions()
    await pass(1_000)
  }
  await pass(3_000)
  expect(directory.isKnown).toBe(false)
})

test('what is told next replaces everything', async () => {
  told = withRole('system.federation.read', 'system.federation_peers.manage')
  await pass(2_000)
  expect(await permissions()).toHaveLength(2)
  const change = directory.changed
  told = create(DirectorySchema, {})
  await pass(500)
  await change
  await expectRefusal(permissions(), 'OPERATOR_UNKNOWN')
  expect(directory.policyOf('sdwan.federation_peer_revoke')).toBeUndefined()
})

test('it knows the approval policies, whether agents may act, and how many approvals wait for a service', async () => {
  expect(directory.approvedFor('service/liveness')).toBe(0)
  told = withRole()
  await pass(2_000)
  expect(directory.policyOf('sdwan.federation_peer_revoke')).toMatchObject({ verb: 'blocked', approvers: 1 })
  expect(directory.policyOf('toString')).toBeUndefined()
  expect(directory.autonomy).toMatchObject({ halted: true, reason: 'a drill' })
  expect(directory.approvedFor('service/liveness')).toBe(3)
  expect(directory.approvedFor('service/peer-registry')).toBe(0)
})

test('a permission of a later release, and an issuer that cannot be used, open nothing; the log says so', async () => {
  told = create(DirectorySchema, {
    operators: [{ name: 'alice', kind: 'agent', permissions: ['system.everything', 'system.federation.read'] }],
    issuers: [{ issuer: 'https://id.example', algorithms: ['ES256'], jwksJson: '{"keys":[]}' }],
  })
  await pass(2_000)
  const caller = await directory.identify(ALICE, never)
  expect({ agent: caller.agent, permissions: [...caller.permissions] }).toEqual({
    agent: true,
    permissions: ['system.federation.read'],
  })
  expect(lines.join('')).toContain('the issuer https://id.example without an audience')
})
