import { generateKeyPairSync, hash, randomBytes, X509Certificate, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import { createCsr, platformIdOf, signRenewal } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { CertificateSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerState, SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { SpawnService, type SpawnChildRequestSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeReplication, SpawnWorld } from '../testing/world.ts'
import { STATES, wordOf } from '../wire.ts'
import { SPAWN_CALLERS } from './callers.ts'

let world: SpawnWorld
beforeEach(async () => {
  world = await SpawnWorld.open({ maxChildren: 3 })
})
afterEach(() => world.close())

const inTime = (isSo: () => Promise<boolean> | boolean) =>
  until(async () => {
    await world.timePasses(500)
    return isSo()
  })
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const isState = (id: string, state: string) => async () => (await world.child(id)).state === state
const asked = (said: MessageInitShape<typeof SpawnChildRequestSchema> = {}) => ({
  childHostname: 'east-1',
  spawnMode: SpawnMode.AUTONOMOUS_PEER,
  childTemplateId: 'default',
  ...said,
})

test('whoever is not in the table of callers is refused, RPC by RPC', async () => {
  const server = startTestServer(mount(SpawnService, new FakeReplication().area().handlers as never, SPAWN_CALLERS))
  await refusesEverybodyElse(SpawnService, SPAWN_CALLERS, (service, caller) => server.clientAs(service, caller))
})

describe('a spawn that makes no sense is refused before anything of it is written down', () => {
  test.each([
    ['an unknown template', { childTemplateId: 'nope' }, 'TEMPLATE_NOT_FOUND'],
    ['an unknown region', { providerRegionId: 'mars' }, 'PROVIDER_REGION_NOT_FOUND'],
    ['an unknown type', { providerInstanceTypeId: 'huge' }, 'INSTANCE_TYPE_NOT_FOUND'],
    ['a mode that is none', { spawnMode: SpawnMode.OUT_OF_BAND }, 'REQUEST_INVALID'],
    ['a host name with blanks', { childHostname: 'no such name' }, 'REQUEST_INVALID'],
    ['a host name longer than any', { childHostname: Array(9).fill('a'.repeat(30)).join('.') }, 'REQUEST_INVALID'],
    ['a parent without TLS', { parentUrl: 'http://127.0.0.1:8443' }, 'URL_INVALID'],
    ['a parent with a path', { parentUrl: 'https://127.0.0.1:8443/x' }, 'URL_INVALID'],
    ['a token for a second', { tokenTtl: { seconds: 1n } }, 'SPAWN_TTL_OUT_OF_RANGE'],
    ['a token for a month', { tokenTtl: { seconds: 2_592_000n } }, 'SPAWN_TTL_OUT_OF_RANGE'],
  ] as const)('%s', async (_, said, reason) => {
    for (const dryRun of [true, false]) await expectRefusal(world.alice.spawnChild({ ...asked(said), dryRun }), reason)
    expect((await world.alice.listChildren({})).children).toEqual([])
    expect(world.registry.rows.size).toBe(0)
  })

  test('a provider that cannot make anything now', async () => {
    world.cloud.unready = 'its image is missing'
    const refusal = await expectRefusal(world.alice.spawnChild(asked()), 'PROVIDER_NOT_READY')
    expect(refusal.message).toContain('its image is missing')
  })

  test('a cluster_member of a platform whose Postgres is not prepared', async () => {
    world.replication.unready = 'wal_level is not replica'
    await expectRefusal(world.alice.spawnChild(asked({ spawnMode: SpawnMode.CLUSTER_MEMBER })), 'REPLICATION_NOT_CONFIGURED') // prettier-ignore
    expect((await world.spawn('east-1')).token).toHaveLength(43)
  })

  test('a cluster_member of a provider on whose machines no replica could live; children of other modes it makes', async () => {
    world.cloud.unfit = 'its machines cannot reach our Postgres'
    for (const dryRun of [true, false]) {
      const asking = world.alice.spawnChild({ ...asked({ spawnMode: SpawnMode.CLUSTER_MEMBER }), dryRun })
      expect((await expectRefusal(asking, 'REPLICATION_NOT_CONFIGURED')).message).toContain('cannot reach our Postgres')
    }
    expect(world.registry.rows.size).toBe(0)
    expect((await world.spawn('east-1')).token).toHaveLength(43)
  })

  test('the name of a living child, and of one that is gone once more', async () => {
    const { id } = await world.spawn('east-1')
    await expectRefusal(world.alice.spawnChild(asked()), 'CHILD_EXISTS')
    await world.alice.terminateChild({ child: id })
    await inTime(isState(id, 'gone'))
    expect((await world.spawn('east-1')).id).not.toBe(id)
  })

  test('one child more than the platform may have, or than its provider may', async () => {
    for (const name of ['a', 'b', 'c']) await world.spawn(name)
    await expectRefusal(world.alice.spawnChild(asked()), 'CHILD_QUOTA_REACHED')
    await world.alice.createProvider({ name: 'tiny', kind: 'fake', config: { max_instances: 0 }, regions: [{ name: 'attic' }] }) // prettier-ignore
    await world.alice.terminateChild({ child: 'a' })
    await inTime(async () => (await world.child('a')).state === 'gone')
    await expectRefusal(world.alice.spawnChild(asked({ providerRegionId: 'attic' })), 'CHILD_QUOTA_REACHED')
  })

  test('twenty at once for the one place that is left: one is made', async () => {
    for (const name of ['a', 'b']) await world.spawn(name)
    const all = Array.from({ length: 20 }, (_, index) => world.alice.spawnChild(asked({ childHostname: `c-${index}` })))
    const settled = await Promise.allSettled(all)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('the id of another request', async () => {
    const requestId = '019f0000-0000-7000-8000-000000000001'
    await world.alice.spawnChild(asked({ requestId }))
    await expectRefusal(world.alice.spawnChild(asked({ requestId, childHostname: 'west-1' })), 'REQUEST_INVALID')
  })
})

test('a rehearsal says what would be done, and does nothing', async () => {
  const { plan, acceptanceToken, child } = await world.alice.spawnChild({ ...asked({ spawnMode: SpawnMode.CLUSTER_MEMBER }), dryRun: true }) // prettier-ignore
  expect(plan.join('\n')).toMatch(
    /east-1\.parent\.example[\s\S]*replication slot[\s\S]*cloud makes an instance in local/,
  )
  expect([acceptanceToken, child?.hostname ?? '']).toEqual(['', 'east-1'])
  expect((await world.alice.listChildren({})).children).toEqual([])
  const ended = await world.spawn('west-1')
  expect((await world.alice.terminateChild({ child: 'west-1', dryRun: true })).effects).not.toEqual([])
  expect((await world.child(ended.id)).ending).toBeNull()
})

describe('records', () => {
  test('a template makes children until it is retired; its name stays taken', async () => {
    await world.alice.retireTemplate({ template: 'default' })
    await expectRefusal(world.alice.spawnChild(asked()), 'TEMPLATE_NOT_FOUND')
    await expectRefusal(world.alice.createTemplate({ name: 'default' }), 'SPAWN_RECORD_EXISTS')
    expect((await world.alice.listTemplates({})).templates).toEqual([])
    expect((await world.alice.listTemplates({ includeRetired: true })).templates).toHaveLength(1)
  })

  test.each([
    ['contact', { contact: 5 }, /spec: contact: /],
    ['advertise_url', { advertise_url: 'http://plain:1' }, /spec: advertise_url: is not https/],
    ['provider', { provider: '' }, /spec: provider: is not the name of one/],
    ['size', { image: 'x'.repeat(16_384) }, /spec: has more than 16384 bytes/],
  ])('a spec by which no child could be made is refused when it is written: %s', async (_key, spec, what) => {
    const refusal = await expectRefusal(world.alice.createTemplate({ name: 'own', spec }), 'REQUEST_INVALID')
    expect(refusal.message).toMatch(what)
  })

  test('what a provider wants to know stands in the spec beside what is ours', async () => {
    const spec = { provider: 'cloud', contact: 'ops@b.example', image: { name: 'debian-13', tags: ['x'] } }
    expect((await world.alice.createTemplate({ name: 'own', spec })).template?.spec).toEqual(spec)
  })

  test.each([
    { name: 'none', cpus: 0, memoryBytes: 1n },
    { name: 'none', cpus: -1, memoryBytes: 1n },
    { name: 'none', cpus: 1, memoryBytes: 0n },
  ])('a size of which no machine could be made is refused: %o', async (type) => {
    const asked = { name: 'other', kind: 'fake', instanceTypes: [type] }
    const refusal = await expectRefusal(world.alice.createProvider(asked), 'REQUEST_INVALID')
    expect(refusal.message).toMatch(/of none: (0|-1) make no machine/)
  })

  test('a provider of a kind that is not made here is refused, one that is in use is kept, and one of none is forgotten', async () => {
    await expectRefusal(world.alice.createProvider({ name: 'x', kind: 'vsphere' }), 'PROVIDER_KIND_UNKNOWN')
    await expectRefusal(world.alice.createProvider({ name: 'cloud', kind: 'fake' }), 'SPAWN_RECORD_EXISTS')
    const { id } = await world.spawn('east-1')
    await expectRefusal(world.alice.deleteProvider({ provider: 'cloud' }), 'SPAWN_RECORD_IN_USE')
    await world.alice.terminateChild({ child: id })
    await inTime(isState(id, 'gone'))
    await world.alice.deleteProvider({ provider: 'cloud' })
    await expectRefusal(world.alice.spawnChild(asked()), 'PROVIDER_NOT_FOUND')
    expect((await world.alice.getChild({ child: id })).child?.state).toBe(ChildState.GONE)
  })

  test('a provider that cannot make anything is shown as that', async () => {
    world.cloud.unready = 'no image'
    const { provider } = await world.alice.createProvider({ name: 'other', kind: 'fake' })
    expect(provider?.status).toBe('no image')
    world.cloud.unready = undefined
    await world.lookAround()
    const { providers } = await world.alice.listProviders({})
    expect(providers.map(({ status }) => status)).toEqual(['ready', 'ready'])
  })
})

describe('what nobody needs', () => {
  test('a machine without a child is found, told of once, and ended by hand; that of a child is not', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const mine = [...world.cloud.machines.values()][0]!
    const instanceId = '019f0000-0000-7000-8000-00000000dead'
    world.cloud.machines.set('fake:stray', { ...mine, wanted: { ...mine.wanted, instanceId } })
    await world.clock.advance(60_000)
    await world.lookAround()
    await world.lookAround()
    const { orphans } = await world.alice.listOrphans({})
    expect(orphans).toMatchObject([
      { kind: 'instance', name: 'fake:stray', next: 'fedctl instance terminate fake:stray' },
    ])
    expect(Number(orphans[0]?.ageSeconds)).toBeGreaterThanOrEqual(60)
    expect((await world.announced()).filter((kind) => kind === 'orphan_found')).toHaveLength(1)
    await expectRefusal(world.alice.terminateInstance({ instance: 'east-1' }), 'INSTANCE_IN_USE')
    await world.alice.terminateInstance({ instance: 'fake:stray' })
    expect([...world.cloud.machines.keys()]).toEqual([`fake:${mine.wanted.instanceId}`])
    await world.lookAround()
    expect((await world.alice.listOrphans({})).orphans).toEqual([])
  })

  test('the machine of an active child that is gone is told of once, and its child says so', async () => {
    const { id, token } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    world.registry.redeem(token)
    await inTime(isState(id, 'joining'))
    world.registry.move((await world.child(id)).peerId ?? '', PeerState.ACTIVE)
    await inTime(isState(id, 'active'))
    world.cloud.machines.clear()
    await world.lookAround()
    await world.lookAround()
    expect((await world.alice.getInstance({ instance: 'east-1' })).instance?.state).toBe('lost')
    expect((await world.alice.listOrphans({})).orphans).toMatchObject([{ name: 'east-1', next: 'fedctl child terminate east-1' }]) // prettier-ignore
    expect((await world.announced()).filter((kind) => kind === 'orphan_found')).toHaveLength(1)
  })

  test('a slot that no child needs', async () => {
    world.replication.slots.add('powernode_repl_stray')
    await world.lookAround()
    expect((await world.alice.listOrphans({})).orphans).toMatchObject([{ kind: 'slot', name: 'powernode_repl_stray' }])
  })

  test('a proposed peer whose run is gone is found with its age, and one whose child lives is not', async () => {
    const { id } = await world.spawn('east-1')
    await inTime(isState(id, 'booting'))
    const { peer } = await world.deps.registry.prepareChild({ spawnId: '019f0000-0000-7000-8000-00000000dead', name: 'stray' }) // prettier-ignore
    await world.clock.advance(60_000)
    await world.lookAround()
    await world.lookAround()
    const { orphans } = await world.alice.listOrphans({})
    expect(orphans).toMatchObject([{ kind: 'peer', name: peer?.id, next: `fedctl peer revoke ${peer?.id}` }])
    expect(Number(orphans[0]?.ageSeconds)).toBeGreaterThanOrEqual(60)
    expect((await world.announced()).filter((kind) => kind === 'orphan_found')).toHaveLength(1)
    world.registry.move(peer?.id ?? '', PeerState.REVOKED)
    await world.lookAround()
    expect((await world.alice.listOrphans({})).orphans).toEqual([])
  })

  test('an active child whose peering was ended keeps its machine, and says who must act; its replica has nothing more of us', async () => {
    const { id, token } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
    await inTime(isState(id, 'booting'))
    world.registry.redeem(token)
    await inTime(isState(id, 'joining'))
    const peerId = (await world.child(id)).peerId ?? ''
    world.registry.move(peerId, PeerState.ACTIVE)
    await inTime(isState(id, 'active'))
    world.registry.move(peerId, PeerState.REVOKED)
    await world.lookAround()
    const { child } = await world.alice.getChild({ child: id })
    expect(child).toMatchObject({
      state: ChildState.ACTIVE,
      next: expect.stringContaining('fedctl child terminate east-1'),
    })
    expect([world.replication.slots.size, world.replication.roles.size, world.cloud.machines.size]).toEqual([0, 0, 1])
  })
})

describe('a child that speaks', () => {
  const PLATFORM = platformIdOf(randomBytes(32))
  async function spoken(mode: SpawnMode, hostname = 'east-1') {
    const { id, token } = await world.spawn(hostname, mode)
    await inTime(isState(id, 'booting'))
    world.registry.redeem(token, PLATFORM)
    const peerId = (await world.child(id)).peerId ?? ''
    return { id, peerId, enroll: (platformId = PLATFORM) => world.asRegistry.prepareEnrollment({ peerId, platformId }) }
  }

  test('is handed what its mode brings: managed_child a way to a certificate, autonomous_peer nothing, cluster_member its replica', async () => {
    const managed = await spoken(SpawnMode.MANAGED_CHILD)
    const { enrollment } = await managed.enroll()
    expect(enrollment).toMatchObject({ nodeEnrollment: { platformUrl: 'https://127.0.0.1:8443', intendedSubject: (await world.child(managed.id)).instanceId } }) // prettier-ignore
    expect(enrollment?.clusterMembership).toBeUndefined()
    expect(await world.everythingKept()).not.toContain(enrollment?.nodeEnrollment?.bootstrapToken)
    expect((await world.announced()).filter((kind) => kind === 'spoken')).toHaveLength(1)
  })

  test('as a cluster_member gets the membership, and a token for the certificate of its role', async () => {
    const member = await spoken(SpawnMode.CLUSTER_MEMBER)
    const { enrollment } = await member.enroll()
    const { roleName, replicaEnrollment } = enrollment?.clusterMembership ?? {}
    expect(replicaEnrollment?.intendedSubject).toBe(roleName)
    const { peerId } = member
    const bootstrapToken = replicaEnrollment?.bootstrapToken ?? ''
    await world.asGateway.enrollNode({ peerId, bootstrapToken, csrDer: (await createCsr()).csrDer })
    expect(world.certified).toMatchObject([{ commonName: roleName }])
  })

  test('is given the same again until it has used it, and another platform is given nothing', async () => {
    const { peerId, enroll } = await spoken(SpawnMode.MANAGED_CHILD)
    const first = (await enroll()).enrollment?.nodeEnrollment?.bootstrapToken ?? ''
    const second = (await enroll()).enrollment?.nodeEnrollment?.bootstrapToken ?? ''
    await expectRefusal(enroll(platformIdOf(randomBytes(32))), 'CHILD_STATE_FORBIDS')
    const [key, another] = [newKey(), newKey()]
    const node = async (bootstrapToken: string, of: KeyObject, peer = peerId) =>
      world.asGateway.enrollNode({ peerId: peer, bootstrapToken, csrDer: (await createCsr(of)).csrDer })
    await expectRefusal(node(first, key), 'BOOTSTRAP_TOKEN_INVALID')
    await expectRefusal(node(second, key, '019f0000-0000-7000-8000-00000000dead'), 'BOOTSTRAP_TOKEN_INVALID')
    await expectRefusal(world.asGateway.enrollNode({ peerId, bootstrapToken: second, csrDer: Uint8Array.of(1) }), 'CSR_INVALID') // prettier-ignore
    const { certificateChain: certified } = await node(second, key)
    expect(certified).toHaveLength(1)
    // Asked again in other words, by whoever has the key: the same certificate, and the CA hears nothing of it.
    expect((await node(second, key)).certificateChain).toEqual(certified)
    expect(world.certified).toHaveLength(1)
    await expectRefusal(node(second, another), 'BOOTSTRAP_TOKEN_INVALID')
  })

  test('too late: a bootstrap token lives an hour', async () => {
    const { peerId, enroll } = await spoken(SpawnMode.MANAGED_CHILD)
    const bootstrapToken = (await enroll()).enrollment?.nodeEnrollment?.bootstrapToken ?? ''
    await world.clock.advance(3_600_000)
    const late = world.asGateway.enrollNode({ peerId, bootstrapToken, csrDer: (await createCsr()).csrDer })
    await expectRefusal(late, 'BOOTSTRAP_TOKEN_INVALID')
  })

  test('renews the certificate of its node by the one it has, until that is over or taken back, and nobody else does', async () => {
    const { id, peerId, enroll } = await spoken(SpawnMode.MANAGED_CHILD)
    await enroll()
    const { instanceId } = await world.child(id)
    const ca = await makeTestAuthority('parent.example')
    const named = (name: string) =>
      makeTestIdentity(ca, { trustDomain: 'parent.example', kind: 'instance', name }, { dir: join(world.dir, name) })
    const [held, foreign] = [await named(instanceId), await named('019f0000-0000-7000-8000-00000000dead')]
    const day = new Date(world.clock.now().getTime() + 86_400_000)
    const known = ({ cert }: { cert: string }, name: string) => {
      const fingerprint = hash('sha256', new X509Certificate(cert).raw, 'hex')
      return create(CertificateSchema, { spiffeId: `spiffe://parent.example/instance/${name}`, fingerprint, notAfter: timestampFromDate(day) }) // prettier-ignore
    }
    world.known = [known(held, instanceId), known(foreign, '019f0000-0000-7000-8000-00000000dead')]
    const { csrDer } = await createCsr()
    const renew = (by: { cert: string; key: string }, over: Uint8Array = csrDer) =>
      world.asGateway.enrollNode({ peerId, csrDer, renewal: signRenewal(by, over) })
    expect(await renew(held)).toMatchObject({ intendedSubject: instanceId })
    expect(world.certified).toMatchObject([{ name: instanceId, peerId }])
    await expectRefusal(renew(foreign), 'CERTIFICATE_NOT_TRUSTED')
    await expectRefusal(renew(held, (await createCsr()).csrDer), 'CERTIFICATE_NOT_TRUSTED')
    await expectRefusal(world.asGateway.enrollNode({ peerId, csrDer }), 'BOOTSTRAP_TOKEN_INVALID')
    world.known[0]!.revokedAt = timestampFromDate(world.clock.now())
    await expectRefusal(renew(held), 'CERTIFICATE_NOT_TRUSTED')
    world.known[0]!.revokedAt = undefined
    await world.clock.advance(86_400_000)
    const over = await expectRefusal(renew(held), 'CERTIFICATE_NOT_TRUSTED')
    expect(over.next).toContain(`fedctl cert issue ${instanceId} --kind instance --out`)
    expect(world.certified).toHaveLength(1)
  })

  test('renews so often and no more, whether it gets one or not, and is told when to come again; its neighbors go on', async () => {
    const [restless, quiet] = [await spoken(SpawnMode.MANAGED_CHILD), await spoken(SpawnMode.MANAGED_CHILD, 'east-2')]
    const ca = await makeTestAuthority('parent.example')
    const renew = async ({ id, peerId }: typeof restless) => {
      const { instanceId: name } = await world.child(id)
      const held = await makeTestIdentity(ca, { trustDomain: 'parent.example', kind: 'instance', name }, { dir: join(world.dir, name) }) // prettier-ignore
      const { csrDer } = await createCsr()
      return () => world.asGateway.enrollNode({ peerId, csrDer, renewal: signRenewal(held, csrDer) })
    }
    const [again, other] = [await renew(restless), await renew(quiet)]
    for (let tries = 0; tries < 10; tries += 1) await expectRefusal(again(), 'CERTIFICATE_NOT_TRUSTED')
    const refused = await expectRefusal(again(), 'RATE_LIMITED')
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(600_000)
    await expectRefusal(other(), 'CERTIFICATE_NOT_TRUSTED')
    // What shows nothing that its key signed is refused before, and takes nothing from the node whose it is not.
    const { csrDer } = await createCsr()
    const forged = { certificateDer: Uint8Array.of(1), signature: Uint8Array.of(1) }
    for (let tries = 0; tries < 20; tries += 1)
      await expectRefusal(world.asGateway.enrollNode({ peerId: quiet.peerId, csrDer, renewal: forged }), 'CERTIFICATE_NOT_TRUSTED') // prettier-ignore
    await expectRefusal(other(), 'CERTIFICATE_NOT_TRUSTED')
  })

  test('twice, with two identities, is a clone: an alarm for each identity, once, and the child lives on', async () => {
    const { id, peerId, enroll } = await spoken(SpawnMode.AUTONOMOUS_PEER)
    await enroll()
    for (const fingerprint of ['aa', 'aa', 'bb'])
      await world.asRegistry.reportClone({ peerId, identityFingerprint: fingerprint.repeat(32), sourceAddress: '192.0.2.7' }) // prettier-ignore
    expect((await world.announced()).filter((kind) => kind === 'clone_detected')).toHaveLength(2)
    expect((await world.child(id)).ending).toBeNull()
    const stranger = { peerId: '019f0000-0000-7000-8000-00000000dead', identityFingerprint: 'aa'.repeat(32) }
    await expectRefusal(world.asRegistry.reportClone(stranger), 'CHILD_NOT_FOUND')
  })
})

test('whoever watches is told how it stands, and then of each step as it is taken, to the end', async () => {
  const { id, token } = await world.spawn('east-1')
  const seen: string[] = []
  const watching = (async () => {
    for await (const { step, child } of world.alice.watchSpawn({ child: 'east-1' }))
      seen.push(step ? `${step.name} ${step.status}` : (wordOf(STATES, child?.state ?? 0) ?? ''))
  })()
  await inTime(() => seen.length > 0)
  await inTime(isState(id, 'booting'))
  world.registry.redeem(token)
  await inTime(isState(id, 'joining'))
  world.registry.move((await world.child(id)).peerId ?? '', PeerState.ACTIVE)
  await inTime(isState(id, 'active'))
  await inTime(() => seen.includes('await_active done'))
  await watching
  expect(seen.at(-1)).toBe('await_active done')
})

test('pages of children and of instances go through all of them, the newest first', async () => {
  for (const name of ['a', 'b', 'c']) await world.spawn(name)
  const first = await world.alice.listChildren({ pageSize: 2 })
  const rest = await world.alice.listChildren({ pageSize: 2, pageToken: first.nextPageToken })
  expect([...first.children, ...rest.children].map(({ hostname }) => hostname)).toEqual(['c', 'b', 'a'])
  expect((await world.alice.listInstances({ pageSize: 2 })).instances.map(({ hostname }) => hostname)).toEqual(['c', 'b']) // prettier-ignore
  await expectRefusal(world.alice.listChildren({ pageToken: 'nonsense' }), 'PAGE_TOKEN_INVALID')
})

test('what a child was made of cannot be rewritten, and it moves forward only: by the database itself', async () => {
  const { id } = await world.spawn('east-1')
  const update = (set: object) =>
    inTransaction(world.database.db, (tx) => tx.updateTable('child').set(set).where('id', '=', id).execute())
  await expect(update({ hostname: 'west-1' })).rejects.toThrow('cannot be rewritten')
  await expect(update({ state: 'active' })).rejects.toThrow('cannot become active')
})

test('the machine with the only database that takes writes is not ended: first it is let back, or given up', async () => {
  const { id } = await world.spawn('east-1', SpawnMode.CLUSTER_MEMBER)
  await inTime(isState(id, 'booting'))
  await sql`
    insert into cluster_member (child_id, peer_id, slot_name, role_name, state, since, primary_address)
    select id, peer_id, 'powernode_repl_' || repeat('a', 32), 'powernode_repl_' || repeat('a', 16), 'promoted', since, ''
    from child where id = ${id}`.execute(world.database.db)
  const refusal = await expectRefusal(world.alice.terminateChild({ child: 'east-1' }), 'CHILD_STATE_FORBIDS')
  expect(refusal.next).toMatch(/fail-back/)
  expect((await world.child(id)).ending).toBeNull()
  expect(world.cloud.machines.size).toBe(1)
  await sql`update cluster_member set state = 'streaming'`.execute(world.database.db)
  await world.alice.terminateChild({ child: 'east-1' })
})
