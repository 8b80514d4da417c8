import { inTransaction } from '@powernode/postgres'
import { create } from '@bufbuild/protobuf'
import { ChangeIntentRequestSchema, type Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { beginRollBack } from '../operations/begin-run.ts'
import { takeStep } from '../operations/take-step.ts'
import { changing } from '../rpc/acts/change.ts'
import * as runs from '../store/runs.ts'
import { hub, node, RunWorld, spoke } from '../testing/run-world.ts'
import { driveRun, type DriveDeps } from './drive-run.ts'

let world: RunWorld
beforeEach(async () => {
  world = await RunWorld.start()
})
afterEach(() => world.database.drop())

const PEER = '019f0000-0000-7000-9000-0000000000ee'
const ENDPOINTS = { nbDbEndpoint: 'tcp:192.0.2.1:6641', sbDbEndpoint: 'tcp:192.0.2.1:6642' }
const ALL = {
  members: [hub(1), spoke(2), spoke(3)],
  routingProtocol: 'ibgp',
  federationPeerId: PEER,
  acceptPrefixes: ['fd99::/48'],
}
const stepsOf = (run: { steps: readonly { name: string; status: string }[] }) =>
  run.steps.map(({ name, status }) => `${name} ${status}`)

/** A process that is killed in the midst of a step: what it did, and did not commit, has never happened. */
class Killed extends Error {}

async function killedIn(deps: DriveDeps, runId: string): Promise<void> {
  const change = async (
    ...[tx, now, changes, by]: [Parameters<ReturnType<typeof changing>>[0], Date, readonly Change[], { actor: string }]
  ) => {
    await changing(deps, create(ChangeIntentRequestSchema, { changes: [...changes] }), by)(tx, now)
    throw new Killed('the power went')
  }
  await inTransaction(deps.db, (tx) => takeStep(tx, world.clock.now(), { runId, change })).catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error
  })
}

async function oneStep(runId: string): Promise<void> {
  const deps = world.process()
  const once = AbortSignal.abort()
  const change = async (
    ...[tx, now, changes, by]: [Parameters<ReturnType<typeof changing>>[0], Date, readonly Change[], { actor: string }]
  ) => (await changing(deps, create(ChangeIntentRequestSchema, { changes: [...changes] }), by)(tx, now)).network
  await driveRun(deps, { runId }, once)
  await inTransaction(deps.db, (tx) => takeStep(tx, world.clock.now(), { runId, change }))
}

describe('a composition', () => {
  test('makes the network, its members and the road to a peer, and says what it made', async () => {
    const run = await world.drive(await world.compose(ALL))
    expect([run.state, run.partial, run.failures]).toEqual(['done', false, []])
    expect(stepsOf(run)).toEqual([
      'create_network done',
      'attach_peer done',
      'attach_peer done',
      'attach_peer done',
      'accept_prefixes done',
      'compile_topology done',
      'compile_route_policies done',
    ])
    expect(await world.records()).toEqual({
      network: ['lab'],
      member: ['hub-1', 'spoke-2', 'spoke-3'],
      prefix_access: [PEER],
    })
    const made = run.steps.map((step) => step.made)
    expect(run.outputs).toMatchObject({
      topology: 'hub_and_spoke',
      routing_protocol: 'ibgp',
      count: '3',
      sdwan_network_id: made[0]?.split('/')[1],
      sdwan_peer_ids: made
        .slice(1, 4)
        .map((one) => one.split('/')[1])
        .join(','),
      hub_peer_ids: made[1]?.split('/')[1],
      topology_preview: 'hub_and_spoke: 1 hubs, 2 spokes, 2 tunnels',
      route_policy_preview: 'ibgp: 1 route reflectors, 2 sessions',
    })
    expect((await world.announced()).filter((word) => word.startsWith('run_'))).toEqual(['run_started', 'run_done'])
  })

  test('goes on with the members that can be attached, and names those that cannot', async () => {
    const twice = { ...spoke(3), name: 'spoke-2' }
    const run = await world.drive(await world.compose({ members: [hub(1), spoke(2), twice, spoke(4)] }))
    expect([run.state, run.partial]).toEqual(['partial', true])
    expect(run.failures).toMatchObject([{ step: 'attach_peer', reason: 'INTENT_EXISTS' }])
    expect(await world.records()).toMatchObject({ member: ['hub-1', 'spoke-2', 'spoke-4'] })
    expect(run.steps[3]?.detail).toBe(run.failures[0]?.message)
  })

  test('ends when there is no network to attach to: nothing is there, and nothing partial', async () => {
    await world.drive(await world.compose({ members: [hub(1)] }))
    const run = await world.drive(await world.compose({ members: [hub(5)] }))
    expect([run.state, run.partial, run.failures.length]).toEqual(['failed', false, 1])
    expect(stepsOf(run)).toEqual(['create_network failed', 'attach_peer skipped', 'compile_topology skipped'])
  })

  test('takes everything back by itself when it was told to and something fails', async () => {
    const twice = { ...spoke(3), name: 'spoke-2' }
    const run = await world.drive(await world.compose({ members: [hub(1), spoke(2), twice], rollBackOnFailure: true }))
    expect(run.state).toBe('rolled_back')
    expect(await world.records()).toEqual({})
    expect(run.failures).toMatchObject([{ step: 'attach_peer' }])
  })

  test('is the same run when the same request comes again, and another under the same id is refused', async () => {
    const requestId = node(77)
    const first = await world.compose({ ...ALL, requestId })
    expect(await world.compose({ ...ALL, requestId })).toBe(first)
    await expectRefusal(world.compose({ ...ALL, requestId, networkName: 'other' }), 'REQUEST_INVALID')
  })

  test.each([
    [{ topology: 'ring', members: [hub(1)] }, 'topology must be one of hub_and_spoke, full_mesh'],
    [{ routingProtocol: 'ospf', members: [hub(1)] }, 'routing_protocol must be one of static, ibgp'],
    [{ networkName: ' ', members: [hub(1)] }, 'network_name is required'],
    [{ members: [] }, 'peers must contain at least one member'],
    [{ members: Array.from({ length: 201 }, (_, n) => spoke(n + 1)) }, 'peers count must be <= 200'],
    [{ members: [spoke(1)] }, "hub_and_spoke topology requires at least one peer with role: 'hub'"],
    [
      {
        members: [
          { ...hub(1), endpointHostV6: '' },
          { ...hub(2), name: '', endpointPort: 0 },
        ],
      },
      `hub peer(s) require an endpoint (endpoint_host_v6/v4 + endpoint_port): hub-1, ${node(2)}`,
    ],
  ])('is refused before anything is written, in the words that people look for (%#)', async (said, message) => {
    const refused = await expectRefusal(world.compose(said), 'REQUEST_INVALID')
    expect(refused.message).toBe(message)
    expect(await world.act((tx) => runs.list(tx, { skill: undefined, before: undefined, limit: 9 }))).toEqual([])
  })
})

describe('isolating a tenant', () => {
  test('makes five layers, what lets its own traffic pass before what drops the rest', async () => {
    const run = await world.drive(await world.isolate(ENDPOINTS))
    expect([run.state, run.failures]).toEqual(['done', []])
    expect(await world.records()).toEqual({
      network: ['tenant-acme'],
      firewall_rule: ['acme-allow', 'acme-deny'],
      ovn_deployment: ['default'],
      ovn_switch: ['ls-tenant-acme'],
      ovn_acl: ['allow-tenant', 'drop-others'],
    })
    const { rows: [network] } = await world.act((tx) => sql<{ cidr: string }>`select cidr::text from network`.execute(tx)) // prettier-ignore
    expect(run.outputs).toMatchObject({
      tenant_key: 'acme',
      tenant_cidr: network?.cidr,
      created_ovn_deployment: 'true',
      ovn_acl_allocations: 'allow-tenant=2000,drop-others=1000',
    })
    const { rows: acls } = await world.act((tx) => sql`
      select direction, priority, action, src::text, src_not as "not", family from ovn_acl order by priority desc`.execute(tx)) // prettier-ignore
    expect(acls).toEqual([
      { direction: 'to-lport', priority: 2000, action: 'allow-related', src: network?.cidr, not: false, family: 'ip6' },
      { direction: 'to-lport', priority: 1000, action: 'drop', src: network?.cidr, not: true, family: 'ip6' },
    ])
  })

  test('uses the OVN deployment that is there, and leaves it there when it is taken back', async () => {
    await world.drive(await world.isolate(ENDPOINTS))
    const second = await world.isolate({ tenantKey: 'globex', tenantCidr: '10.20.0.0/16' })
    const run = await world.drive(second)
    expect(run.outputs).toMatchObject({ created_ovn_deployment: 'false', tenant_cidr: '10.20.0.0/16' })
    const back = await world.rollBack(second)
    expect(back.state).toBe('rolled_back')
    expect(await world.records()).toMatchObject({
      network: ['tenant-acme'],
      ovn_deployment: ['default'],
      ovn_switch: ['ls-tenant-acme'],
    })
  })

  test('is refused before anything is written without endpoints, and with a prefix that is none', async () => {
    const missing = await expectRefusal(world.isolate({}), 'OVN_DEPLOYMENT_MISSING')
    expect(missing.message).toBe(
      'nb_db_endpoint and sb_db_endpoint are required when the account has no Sdwan::OvnDeployment yet',
    )
    const wrong = await expectRefusal(world.isolate({ ...ENDPOINTS, tenantCidr: '10.1.2.3/16' }), 'REQUEST_INVALID')
    expect(wrong.next).toBe('did you mean 10.1.0.0/16?')
    expect(await world.records()).toEqual({})
  })

  test('what somebody hung on it since is not taken away with it, and is named', async () => {
    const runId = await world.compose({ members: [hub(1)] })
    const { steps } = await world.drive(runId)
    const networkId = steps[0]?.made.split('/')[1] ?? ''
    const item = { kind: { case: 'firewallRule', value: { networkId, name: 'ours', priority: 5, action: 'accept', direction: 'both', protocol: 'any' } } } as const // prettier-ignore
    const req = create(ChangeIntentRequestSchema, { changes: [{ act: { case: 'put', value: { kind: { case: 'firewallRule', value: { ...item.kind.value, id: node(500) } } } } }] }) // prettier-ignore
    await world.act((tx) => changing(world.process(), req, { actor: 'operator/bob' })(tx, world.clock.now()))
    const back = await world.rollBack(runId)
    expect([back.state, back.partial]).toEqual(['partial', true])
    expect(back.failures).toMatchObject([{ step: 'undo create_network#0', reason: 'INTENT_IN_USE' }])
    expect(await world.records()).toEqual({ network: ['lab'], firewall_rule: ['ours'] })
    await world.act((tx) => sql`delete from firewall_rule`.execute(tx))
    await world.act((tx) => sql`update intent_state set version = version + 1`.execute(tx))
    expect((await world.rollBack(runId)).state).toBe('rolled_back')
  })
})

describe('killed', () => {
  const skills = [
    ['a composition', () => world.compose(ALL), 8],
    ['an isolation', () => world.isolate(ENDPOINTS), 8],
  ] as const

  test.each(skills)(
    '%s goes on after a kill between any two of its steps, and in the midst of each',
    async (_what, begin, count) => {
      const whole = await RunWorld.start()
      const here = world
      world = whole
      const expected = await world.drive(await begin())
      const records = await world.records()
      world = here
      await whole.database.drop()

      const runId = await begin()
      for (let k = 0; k < count; k++) {
        await killedIn(world.process(), runId)
        await oneStep(runId)
      }
      const run = await world.drive(runId)
      expect(stepsOf(run)).toEqual(stepsOf(expected))
      expect([run.state, await world.records()]).toEqual([expected.state, records])
    },
  )

  test.each(skills)('%s that is taken back is, after a kill between any two steps', async (_what, begin, count) => {
    const runId = await begin()
    await world.drive(runId)
    await world.act((tx) => beginRollBack(tx, world.clock.now(), { runId }))
    for (let k = 0; k < count; k++) {
      await killedIn(world.process(), runId)
      await oneStep(runId)
    }
    const run = await world.drive(runId)
    expect([run.state, await world.records()]).toEqual(['rolled_back', {}])
  })

  test('two who drive the same run at once do each step once', async () => {
    const runId = await world.compose(ALL)
    const signal = AbortSignal.timeout(60_000)
    await Promise.all([1, 2, 3].map(() => driveRun(world.process(), { runId, patient: true }, signal)))
    expect((await world.shown(runId)).state).toBe('done')
    expect(await world.records()).toMatchObject({ network: ['lab'], member: ['hub-1', 'spoke-2', 'spoke-3'] })
    expect((await world.announced()).filter((word) => word === 'changed')).toHaveLength(5)
  })
})
