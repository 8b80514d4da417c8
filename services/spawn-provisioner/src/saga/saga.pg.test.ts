import { create } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { until } from '@powernode/events/testing'
import { PeerState, SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { inTransaction, newId } from '@powernode/postgres'
import { SpawnChildRequestSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { executorsOf } from '../approvals/executors.ts'
import { lookAround } from '../look-around/look-around.ts'
import { SPAWN } from '../rpc/acts/spawn.ts'
import { PEERING_OVER } from '../standing.ts'
import * as templates from '../store/templates.ts'
import { SpawnWorld } from '../testing/world.ts'
import { Attendants } from './attend-children.ts'
import { Tokens } from './tokens.ts'

let world: SpawnWorld
beforeEach(async () => {
  world = await SpawnWorld.open()
})
afterEach(() => world.close())

const MODES = [
  ['managed_child', SpawnMode.MANAGED_CHILD],
  ['autonomous_peer', SpawnMode.AUTONOMOUS_PEER],
  ['cluster_member', SpawnMode.CLUSTER_MEMBER],
] as const

/** Lets time go on until something is so: how much of it that takes is not what these tests are about. */
const inTime = (isSo: () => Promise<boolean> | boolean, stepMs = 500) =>
  until(async () => {
    await world.timePasses(stepMs)
    return isSo()
  })
const isState = (id: string, state: string) => async () => (await world.child(id)).state === state
const machine = () => [...world.cloud.machines.values()][0]
const ref = () => [...world.cloud.machines.keys()][0] ?? ''
const theToken = () => machine()?.payload.acceptance_token ?? ''

/** The machine boots, its platform speaks, and beats go both ways: whatever the saga does meanwhile. */
async function bootAndJoin(id: string): Promise<void> {
  await inTime(() => world.registry.openTokens().includes(theToken()) && theToken() !== '')
  world.cloud.boot(ref())
  world.registry.redeem(theToken())
  await inTime(isState(id, 'joining'))
  world.registry.move((await world.child(id)).peerId ?? '', PeerState.ACTIVE)
  await inTime(isState(id, 'active'))
}

/** Nothing of the child is anywhere but in its record. */
async function expectCleanSlate(id: string): Promise<void> {
  await inTime(isState(id, 'gone'), 2_000)
  expect([...world.cloud.machines.keys()]).toEqual([])
  expect(world.registry.openTokens()).toEqual([])
  expect([...world.registry.rows.values()].filter(({ peer }) => peer.state !== PeerState.REVOKED)).toEqual([])
  expect([world.replication.slots.size, world.replication.roles.size]).toEqual([0, 0])
  const { steps, instance } = await world.read(id)
  expect(steps.filter(({ status }) => status !== 'undone' && status !== 'skipped')).toEqual([])
  expect(instance.state).toBe('gone')
  await world.lookAround()
  expect((await world.alice.listOrphans({})).orphans).toEqual([])
}

describe('a child that is made', () => {
  test.each(MODES)('as a %s goes through its steps, and each is told of', async (_, mode) => {
    const { id, token } = await world.spawn('east-1', mode)
    await inTime(() => theToken() !== '')
    expect(theToken()).toBe(token)
    expect(machine()?.payload).toMatchObject({
      parent_url: 'https://127.0.0.1:8443',
      hostname: 'east-1',
      trust_domain: 'east-1.parent.example',
      contact: 'ops@parent.example',
      instance_id: (await world.child(id)).instanceId,
    })
    await bootAndJoin(id)
    const ofMember = mode === SpawnMode.CLUSTER_MEMBER ? ['slot_prepared', 'role_prepared'] : []
    expect(await world.announced()).toEqual([
      'requested', 'peer_prepared', ...ofMember, 'instance_created', 'booting', 'spoken', 'joined', 'active',
    ]) // prettier-ignore
    const { child } = await world.alice.getChild({ child: 'east-1' })
    expect(child?.steps.map(({ status }) => status)).toEqual(child?.steps.map(() => 'done'))
    expect(child).toMatchObject({ reason: 'it came up federated', next: '' })
    expect(child?.invitationExpiresAt).toBeUndefined()
  })

  test('leaves no token anywhere: not in a table, not in an event, not in memory, and not in what operators see', async () => {
    const { id, token } = await world.spawn('east-1')
    await inTime(() => theToken() !== '')
    await bootAndJoin(id)
    const seen = JSON.stringify([await world.alice.getChild({ child: id }), await world.alice.getInstance({ instance: 'east-1' })], (_, value) => (typeof value === 'bigint' ? String(value) : value)) // prettier-ignore
    for (const text of [await world.everythingKept(), seen, JSON.stringify(world.deps.tokens)])
      expect(text).not.toContain(token)
    expect(world.deps.tokens.held(id)).toBeUndefined()
  })

  test('twice by one request is one child, and its token is shown once', async () => {
    const req = { childHostname: 'east-1', spawnMode: SpawnMode.AUTONOMOUS_PEER, childTemplateId: 'default', requestId: '019f0000-0000-7000-8000-000000000001' } // prettier-ignore
    const first = await world.alice.spawnChild(req)
    const second = await world.alice.spawnChild(req)
    expect(first.acceptanceToken).toHaveLength(43)
    expect(first.spawnPayload).not.toHaveProperty('acceptance_token')
    expect(first.spawnPayload['parent_peer_id']).toBe((await world.child('east-1')).peerId)
    expect([second.child?.id, second.acceptanceToken]).toEqual([first.child?.id, ''])
    expect(world.registry.rows.size).toBe(1)
  })
})

const PASSING = [
  ['prepareChild', false],
  ['prepareChild', true],
  ['prepareSlot', false],
  ['prepareSlot', true],
  ['prepareRole', true],
  ['create', false],
  ['create', true],
  ['look', false],
  ['getPeer', false],
] as const

/** The next call fails once: of whoever it is. */
function failNext(verb: string, after: boolean): void {
  if (verb === 'prepareSlot' || verb === 'prepareRole') world.replication.failNext(verb, after)
  else if (verb === 'create' || verb === 'look') world.cloud.failNext(verb, new Error('a cable was out'), after)
  else world.registry.failNext(verb as 'getPeer', new Refusal('SERVICE_UNAVAILABLE', 'a cable was out'), after)
}

describe('what passes is waited for', () => {
  test.each(PASSING)('%s that fails once (after it was done: %s) ends in a working child', async (verb, after) => {
    failNext(verb, after)
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await bootAndJoin(id)
    expect(world.cloud.machines.size).toBe(1)
    expect(world.registry.rows.size).toBe(1)
    expect([world.replication.slots.size, world.replication.roles.size]).toEqual([1, 1])
  })

  test('a registry that is away for minutes, and what the operator reads meanwhile', async () => {
    world.cloud.failAlways('create', new Error('no room yet'))
    const { id } = await world.spawn('east-1')
    world.registry.away = true
    const reason = async () => (await world.alice.getChild({ child: id })).child?.reason
    await inTime(async () => (await reason())?.includes('peer-registry is away') === true)
    world.cloud.failAlways('create')
    const { child } = await world.alice.getChild({ child: id })
    expect(child?.reason).toContain('peer-registry is away')
    expect(child?.next).toContain('fedctl child resume')
    world.registry.away = false
    await bootAndJoin(id)
  })
})

/** Where a process can die: before a call, after it, or after its answer was written down. */
const MOMENTS = ['prepareChild', 'prepareSlot', 'prepareRole', 'create'] as const

describe('killed', () => {
  test.each(MOMENTS.flatMap((verb) => [[verb, 'before'] as const, [verb, 'after'] as const]))(
    'at %s, %s it was done, the next process goes on: one peer, one machine, and a token that lives',
    async (verb, when) => {
      failNext(verb, when === 'after')
      void world.spawn('east-1', SpawnMode.CLUSTER_MEMBER).catch(() => undefined)
      await inTime(async () => (await world.alice.listChildren({})).children.some(({ steps }) => steps.some(({ attempts }) => attempts > 1))) // prettier-ignore
      await world.crash()
      const { id } = await world.child('east-1')
      await bootAndJoin(id)
      expect(world.cloud.machines.size).toBe(1)
      expect(world.registry.rows.size).toBe(1)
    },
  )

  test('before the machine had its token, another is made, and the one that was shown is dead', async () => {
    world.cloud.failAlways('create', new Error('out of capacity'))
    const { id, token } = await world.spawn('east-1')
    await inTime(async () => (await world.read(id)).steps.some(({ name, attempts }) => name === 'create_instance' && attempts > 1)) // prettier-ignore
    await world.crash()
    world.cloud.failAlways('create')
    await inTime(() => theToken() !== '')
    expect(theToken()).not.toBe(token)
    expect(world.registry.openTokens()).toEqual([theToken()])
    expect(await world.announced()).toContain('token_rotated')
    await bootAndJoin(id)
  })

  test('when the machine was made and nobody had written that down, the machine is stamped with the token that lives', async () => {
    world.cloud.failAlways('create', new Error('killed'), true)
    world.cloud.failAlways('stamp', new Error('killed'))
    const { id, token } = await world.spawn('east-1')
    await inTime(() => theToken() === token)
    await world.stop()
    for (const verb of ['create', 'stamp'] as const) world.cloud.failAlways(verb)
    await inTransaction(world.database.db, (tx) =>
      tx.updateTable('step').set({ attempts: 1 }).where('name', '=', 'create_instance').execute(),
    )
    await inTransaction(world.database.db, (tx) => tx.updateTable('instance').set({ provider_ref: '' }).execute())
    await world.crash()
    await inTime(() => theToken() !== token)
    expect(world.registry.openTokens()).toEqual([theToken()])
    await bootAndJoin(id)
    expect(world.cloud.machines.size).toBe(1)
  })

  test('while it waited for the child, it goes on waiting, and hears of what happened meanwhile', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    await world.crash()
    world.cloud.boot(ref())
    world.registry.redeem(theToken())
    await world.crash()
    await inTime(isState(id, 'joining'))
    await world.crash()
    world.registry.move((await world.child(id)).peerId ?? '', PeerState.ACTIVE)
    await inTime(isState(id, 'active'))
  })

  test('while it was undone, the next process ends it', async () => {
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await inTime(isState(id, 'booting'))
    world.cloud.failAlways('terminate', new Error('not now'))
    await world.alice.terminateChild({ child: id })
    await inTime(async () => (await world.read(id)).steps.some(({ detail }) => detail.includes('not now')))
    await world.stop()
    world.cloud.failAlways('terminate')
    await world.crash()
    await expectCleanSlate(id)
  })
})

describe('a spawn that is not to be leaves nothing behind', () => {
  test.each(['preparing', 'booting', 'joining', 'active'])('ended while it is %s', async (state) => {
    if (state === 'preparing') world.replication.broken = 'prepareSlot'
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    if (state === 'active') await bootAndJoin(id)
    if (state === 'joining') {
      await inTime(() => theToken() !== '')
      world.registry.redeem(theToken())
    }
    await inTime(isState(id, state))
    const { effects } = await world.alice.terminateChild({ child: 'east-1', reason: 'changed my mind' })
    expect(effects.length).toBeGreaterThan(1)
    await expectCleanSlate(id)
    expect(await world.child(id)).toMatchObject({
      ending: state === 'active' ? 'terminated' : 'cancelled',
      reason: 'changed my mind',
    })
    expect((await world.announced()).slice(-2)).toEqual([state === 'active' ? 'terminated' : 'cancelled', 'gone'])
  })

  test.each([
    ['prepareChild', (say: Error) => world.registry.failNext('prepareChild', say)],
    ['create', (say: Error) => world.cloud.failNext('create', say)],
    ['getPeer', (say: Error) => world.registry.failNext('getPeer', say)],
  ] as const)('%s says no for good', async (_, refuse) => {
    refuse(new Refusal('PEER_NAME_TAKEN', 'somebody else is called so'))
    await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER).catch(() => undefined)
    const { id } = await world.child('east-1')
    await expectCleanSlate(id)
    expect(await world.child(id)).toMatchObject({ ending: 'failed', reason: expect.stringContaining('somebody else is called so') }) // prettier-ignore
    const { child } = await world.alice.getChild({ child: id })
    expect(child?.next).toContain('fedctl child spawn')
  })

  test('the provider fails every time', async () => {
    world.cloud.failAlways('create', new Error('no capacity'))
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'gone'), 5_000)
    await expectCleanSlate(id)
    expect((await world.child(id)).reason).toBe('create_instance: no capacity')
  })

  test('the provider says yes and does nothing', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    world.cloud.machines.clear()
    world.cloud.idle = true
    await inTime(isState(id, 'gone'), 5_000)
    world.cloud.idle = false
    await expectCleanSlate(id)
    expect((await world.child(id)).reason).toContain('await_boot: the instance is gone')
  })

  test('the machine is there and never speaks: after the life of its token it is given up', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    await world.clock.advance(590_000)
    expect(await isState(id, 'booting')()).toBe(true)
    await inTime(isState(id, 'gone'), 5_000)
    expect((await world.child(id)).reason).toMatch(/^await_boot: no sign of progress for 10 min/)
    await expectCleanSlate(id)
  })

  test('the peering is revoked by somebody before the child has spoken', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    world.registry.move((await world.child(id)).peerId ?? '', PeerState.REVOKED)
    await expectCleanSlate(id)
    expect((await world.child(id)).ending).toBe('cancelled')
  })

  test('what cannot be undone now is tried until it can, says so, and holds up nothing else', async () => {
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await inTime(isState(id, 'booting'))
    world.cloud.failAlways('terminate', new Error('the hypervisor is away'))
    await world.alice.terminateChild({ child: id })
    await inTime(() => world.replication.slots.size === 0 && world.registry.openTokens().length === 0)
    await inTime(async () => (await world.alice.getChild({ child: id })).child?.reason.includes('the hypervisor is away') ?? false) // prettier-ignore
    world.cloud.failAlways('terminate')
    await expectCleanSlate(id)
  })
})

describe('a peering that is ended takes the replica with it', () => {
  test.each([
    ['whatever its machine says of itself', () => world.cloud.say(ref(), 'all is well\0\u001B[2J')],
    ['also when its provider is away', () => world.cloud.failAlways('look', new Error('the cloud is away'))],
  ])('%s', async (_, meanwhile) => {
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await bootAndJoin(id)
    meanwhile()
    world.registry.move((await world.child(id)).peerId ?? '', PeerState.REVOKED)
    await world.lookAround()
    expect([world.replication.roles.size, world.replication.slots.size]).toEqual([0, 0])
    expect((await world.child(id)).reason).toBe(PEERING_OVER)
  })

  test('also while its provider hangs: nobody waits for that one', async () => {
    const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await bootAndJoin(id)
    const stopping = new AbortController()
    world.cloud.hang()
    const looking = lookAround(world.deps, stopping.signal)
    await inTime(() => world.cloud.waiting > 0, 100)
    world.registry.move((await world.child(id)).peerId ?? '', PeerState.REVOKED)
    const before = world.clock.now().getTime()
    await inTime(() => world.replication.roles.size + world.replication.slots.size === 0, 100)
    expect(world.clock.now().getTime() - before).toBeLessThan(10_000)
    stopping.abort()
    await looking
  })
})

test('what a machine says while it boots is kept as plain text, whatever it is', async () => {
  const { id } = await world.spawn('east-1')
  await inTime(isState(id, 'booting'))
  world.cloud.say(ref(), 'starting\0\u001B[2J now')
  await inTime(async () => (await world.read(id)).instance.progress === 'starting [2J now')
  const { console } = await world.alice.getInstance({ instance: 'east-1' })
  expect(console).toEqual(['starting [2J now'])
  world.cloud.say(ref(), 'down\0')
  world.cloud.crash(ref())
  await expectCleanSlate(id)
  expect((await world.child(id)).reason).toContain('it last said: down')
})

describe('the life of the token', () => {
  test('follows the boot: each sign of progress moves it, never past the deadline', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const deadline = (await world.child(id)).bootDeadline
    for (let minute = 0; minute < 55; minute += 5) {
      await world.clock.advance(300_000)
      world.cloud.say(ref(), `minute ${minute}`)
      const lives = async () => (await world.child(id)).invitationExpiresAt?.getTime() ?? 0
      const before = await lives()
      await inTime(async () => (await lives()) > before || before === deadline.getTime())
      expect(world.registry.openTokens()).toHaveLength(1)
    }
    await inTime(isState(id, 'gone'), 5_000)
    expect((await world.child(id)).reason).toContain(deadline.toISOString())
    await expectCleanSlate(id)
  })

  test('rotated on demand it is another, the machine is stamped with it, and the old one is dead', async () => {
    const { id, token } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const { acceptanceToken } = await world.alice.rotateToken({ child: 'east-1' })
    expect(acceptanceToken).not.toBe(token)
    expect(world.registry.openTokens()).toEqual([acceptanceToken])
    expect(theToken()).toBe(acceptanceToken)
    await bootAndJoin(id)
    expect(await world.announced()).toContain('token_rotated')
  })

  test('a rotation that dies before the machine is stamped is made good by whoever attends to the child', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    world.cloud.failNext('stamp', new Error('killed'))
    await expect(world.alice.rotateToken({ child: 'east-1' })).rejects.toThrow()
    await inTime(() => world.registry.openTokens().includes(theToken()), 10_000)
    await bootAndJoin(id)
  })

  test('one at a time replaces it: of two that cross, the machine could be left with the one that is dead', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const letGo = world.cloud.hold('stamp')
    const first = world.alice.rotateToken({ child: 'east-1' })
    await until(() => world.cloud.waiting === 1)
    await expect(world.alice.rotateToken({ child: 'east-1' })).rejects.toThrow('is being replaced at this moment')
    letGo()
    expect(world.registry.openTokens()).toEqual([(await first).acceptanceToken])
    expect(world.registry.openTokens()).toEqual([theToken()])
    await world.alice.rotateToken({ child: 'east-1' })
    expect(world.registry.openTokens()).toEqual([theToken()])
  })

  test('also when we replace it by ourselves, because it ran out', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const letGo = world.cloud.hold('stamp')
    for (const { invitations } of world.registry.rows.values()) for (const one of invitations) one.isDead = true
    await world.clock.advance(60_000)
    world.cloud.say(ref(), 'still here')
    await inTime(() => world.cloud.waiting === 1)
    await expect(world.alice.rotateToken({ child: 'east-1' })).rejects.toThrow('is being replaced at this moment')
    letGo()
    await inTime(() => world.registry.openTokens().includes(theToken()))
    await bootAndJoin(id)
  })

  test('one that ran out while its provider was slow is replaced', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    for (const { invitations } of world.registry.rows.values()) for (const one of invitations) one.isDead = true
    await world.clock.advance(60_000)
    world.cloud.say(ref(), 'still here')
    await inTime(() => world.registry.openTokens().includes(theToken()))
    await bootAndJoin(id)
  })
})

describe('whoever does it', () => {
  test('two replicas make one child once: what one holds the other leaves alone, and takes over when the first is gone', async () => {
    const other = new AbortController()
    const second = new Attendants({ ...world.deps, tokens: new Tokens() })
    const running = second.run(other.signal)
    const { id, token } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await inTime(isState(id, 'booting'))
    expect(theToken()).toBe(token)
    expect(await world.announced()).not.toContain('token_rotated')
    await world.stop()
    await bootAndJoin(id)
    expect((await world.read(id)).steps.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1, 1, 1])
    other.abort()
    await running
  })

  test('approved, it is made for whoever asked, and its token is shown to nobody', async () => {
    const request = { childHostname: 'east-1', spawnMode: SpawnMode.AUTONOMOUS_PEER, childTemplateId: 'default' }
    const plan = anyPack(SpawnChildRequestSchema, create(SpawnChildRequestSchema, request))
    const by = { actor: 'operator/robot', requestId: 'r-1', approvalId: 'a', planSha256: Buffer.alloc(32) }
    const limits = { maxChildren: 5, bootDeadlineMs: 3_600_000 }
    const run = (platform: Parameters<typeof executorsOf>[0]['platform']) =>
      inTransaction(world.database.db, async (tx) => executorsOf({ limits, platform })[SPAWN]?.run(tx, world.clock.now(), plan, by)) // prettier-ignore
    await expect(run(() => undefined)).rejects.toThrow('has not said yet where we are reached')
    const ourselves = await world.deps.registry.getPlatform({})
    await run(() => ourselves)
    const child = await world.child('east-1')
    expect(child).toMatchObject({ createdBy: 'operator/robot', parentUrl: 'https://127.0.0.1:8443' })
    await bootAndJoin(child.id)
  })
})

test('a spawn whose peering an operator ended before we had heard of it is undone, and not for ever', async () => {
  const { registry } = world
  const endAll = () => [...registry.rows.keys()].forEach((peerId) => registry.move(peerId, PeerState.REVOKED))
  registry.failNext('prepareChild', new Error('the answer is lost'), endAll)
  await expect(world.spawn('east-1')).rejects.toThrow(/over/)
  await inTime(isState('east-1', 'gone'), 2_000)
  await expectCleanSlate((await world.child('east-1')).id)
})

test.each([
  ['contact', { contact: 'x'.repeat(300) }],
  ['advertise_url', { advertise_url: 'http://nowhere' }],
])('a template whose children could not boot, because of its %s, makes none: asked or approved', async (key, spec) => {
  const said = {
    description: '',
    createdBy: 'operator/alice',
    createdAt: world.clock.now(),
    retiredAt: null,
    revision: 1,
  }
  // Nobody can write one down any more; one that an earlier release took is there.
  await inTransaction(world.database.db, (tx) => templates.insert(tx, { ...said, id: newId(said.createdAt), name: 'broken', spec })) // prettier-ignore
  const request = { childHostname: 'east-1', spawnMode: SpawnMode.AUTONOMOUS_PEER, childTemplateId: 'broken' }
  for (const dryRun of [true, false]) {
    const refusal = await expectRefusal(world.alice.spawnChild({ ...request, dryRun }), 'REQUEST_INVALID')
    expect(refusal.message).toContain(key)
  }
  const ourselves = await world.deps.registry.getPlatform({})
  const asked = create(SpawnChildRequestSchema, request)
  const by = { actor: 'operator/robot', requestId: 'r-1', approvalId: 'a', planSha256: Buffer.alloc(32) }
  const limits = { maxChildren: 5, bootDeadlineMs: 3_600_000 }
  const approved = executorsOf({ limits, platform: () => ourselves })[SPAWN]
  const plan = anyPack(SpawnChildRequestSchema, asked)
  await expect(inTransaction(world.database.db, async (tx) => approved?.run(tx, world.clock.now(), plan, by))).rejects.toThrow(key) // prettier-ignore
  expect((await world.alice.listChildren({})).children).toEqual([])
  expect(world.registry.rows.size).toBe(0)
})

test('a spawn whose peering can never be prepared is undone, however often that is refused', async () => {
  world.registry.taken.add('east-1')
  await world.spawn('east-1').catch(() => undefined)
  await expectCleanSlate((await world.child('east-1')).id)
  expect((await world.child('east-1')).reason).toContain('a peer is called east-1')
  expect(world.registry.rows.size).toBe(0)
})
