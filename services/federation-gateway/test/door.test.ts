import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { generateKeyPairSync } from 'node:crypto'
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { certificatesToPem, createCrls, derToPem, spiffeUri } from '@powernode/identity'
import { BAD_CERTIFICATES, forgeAuthority, forgeCertificate } from '@powernode/identity/testing'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { DESCRIPTIONS } from '../src/door/description-limit.ts'
import { BEAT, Caller, type Shown } from './caller.ts'
import { TEST_BUNDLE } from './inner-services.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

const { method } = FederationService
let world: World
let b: Platform
let c: Platform
const callers: Caller[] = []

beforeAll(async () => {
  ;[world, b, c] = await Promise.all([
    startWorld({ calls: { callsPerPeer: 100_000 } }),
    makePlatform('b.example'),
    makePlatform('c.example'),
  ])
})
afterAll(() => world.stop())
afterEach(() => {
  for (const caller of callers.splice(0)) caller.close()
  for (const peerId of world.registry.peers.keys()) world.registry.remove(peerId)
  world.registry.answers = {}
})

function as(shown: Shown | undefined, serverName?: string): Caller {
  const caller = new Caller(world.door, shown, serverName)
  callers.push(caller)
  return caller
}

const known = async (...routes: Parameters<World['registry']['put']>) => {
  world.registry.put(...routes)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === world.registry.peers.size)
}

test('an active peer beats, and its beat reaches liveness under our id of it', async () => {
  const route = routeTo(b)
  await known(route)
  const answer = await as(b.gateway, 'b.example').beat()
  expect(Uint8Array.from(answer.echoNonce)).toEqual(BEAT.nonce)
  expect(world.liveness.peersHeard.at(-1)).toBe(route.peerId)
  const line = world.logged().findLast(({ msg }) => msg === 'request')
  expect(line).toMatchObject({
    rpc: 'powernode.federation.v1.FederationService/Heartbeat',
    peer_id: route.peerId,
    outcome: 'ok',
  })
})

test('a peer that describes itself with every beat is heard, and not written down without end', async () => {
  await known(routeTo(b))
  const platform = { platformId: 'a'.repeat(32), identityKey: new Uint8Array(32), trustDomain: 'b.example' }
  const caller = as(b.gateway, 'b.example')
  const [beats, descriptions] = [world.liveness.peersHeard.length, world.liveness.descriptions]
  await Promise.all([...Array(40)].map(() => caller.beat({ platform })))
  expect(world.liveness.peersHeard.length - beats).toBe(40)
  expect(world.liveness.descriptions - descriptions).toBe(DESCRIPTIONS)
})

test('many beats at once travel to liveness in few messages', async () => {
  await known(routeTo(b))
  const before = world.liveness.batches.length
  const caller = as(b.gateway, 'b.example')
  await caller.beat()
  await Promise.all(Array.from({ length: 50 }, () => caller.beat()))
  expect(world.liveness.batches.length - before).toBeLessThan(40)
})

describe('by state of the peering', () => {
  test.each([
    ['PROPOSED', 'PEER_NOT_ENROLLED', 'PEER_NOT_ENROLLED'],
    ['ACCEPTED', 'ok', 'ok'], // a disclosure that was missing travels with the beats
    ['ENROLLED', 'ok', 'ok'],
    ['ACTIVE', 'ok', 'ok'],
    ['DEGRADED', 'ok', 'ok'],
    ['SUSPENDED', 'PEER_SUSPENDED', 'ok'],
    ['REVOKED', 'PEER_REVOKED', 'ok'],
  ] as const)(
    'a peer that is %s gets %s for a beat and %s for its notice of revocation',
    async (state, beat, notice) => {
      world.registry.answers.receiveRevocation = async () => ({ receipt: TEST_BUNDLE })
      await known(routeTo(b, { state: PeerState[state] }))
      const caller = as(b.gateway, 'b.example')
      expect(await outcome(caller.beat())).toBe(beat)
      expect(await outcome(caller.call(method.notifyRevocation, { notice: TEST_BUNDLE }))).toBe(notice)
    },
  )
})

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

const DESCRIBED = {
  platformId: 'a'.repeat(32),
  identityKey: new Uint8Array(32),
  trustDomain: 'b.example',
  contractWindow: { min: 1, max: 1 },
}

function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => refusalOf(error)?.reason ?? String(error),
  )
}

describe('who is not believed', () => {
  test('nobody: a call without certificate, but for Accept', async () => {
    await expectRefusal(as(undefined).beat(), 'CERTIFICATE_REQUIRED')
  })

  test.each(Object.keys(BAD_CERTIFICATES) as (keyof typeof BAD_CERTIFICATES)[])('a certificate %s', async (fault) => {
    await known(routeTo(b))
    const shown = await BAD_CERTIFICATES[fault](b.authority, b.gateway.spiffeId)
    await expectRefusal(as(shown, 'b.example').beat(), 'CERTIFICATE_NOT_TRUSTED')
  })

  test("another peer's CA that signs our peer's name, under either server name", async () => {
    const hostile = await forgeAuthority()
    const key = newKey()
    const issuer = { certificate: hostile.issuingCertificate, key: hostile.issuingKey }
    const der = await forgeCertificate({ publicKey: key.publicKey, issuer, uris: [spiffeUri(b.gateway.spiffeId)] })
    const forged = {
      cert: certificatesToPem([der, hostile.issuingCertificate, hostile.rootCertificate]),
      key: derToPem(key.pkcs8, 'PRIVATE KEY'),
    }
    await known(routeTo(b), routeTo(c, { trustRoots: [hostile.rootCertificate] }))
    await expectRefusal(as(forged, 'b.example').beat(), 'CERTIFICATE_NOT_TRUSTED')
    const refusal = await expectRefusal(as(forged, 'c.example').beat(), 'CERTIFICATE_NOT_TRUSTED')
    expect(refusal.message).toContain('names b.example, not c.example') // the chain itself does verify
  })

  test('a peer under the server name of another, or of none', async () => {
    await known(routeTo(b), routeTo(c))
    await expectRefusal(as(b.gateway, 'c.example').beat(), 'CERTIFICATE_NOT_TRUSTED')
    await expectRefusal(as(b.gateway, 'nobody.example').beat(), 'CERTIFICATE_NOT_TRUSTED')
  })

  test('another service of a peer than its gateway', async () => {
    await known(routeTo(b))
    const { material } = await b.identity('service', 'liveness')
    await expectRefusal(as(material, 'b.example').beat(), 'PEER_UNKNOWN')
  })

  test('a certificate that its own CA has revoked, on the connection it had open too', async () => {
    const now = systemClock.now()
    const params = { number: 1, now, nextUpdate: new Date(now.getTime() + 3_600_000) }
    const revoked = [{ serial: b.gateway.serial, revokedAt: now }]
    const route = routeTo(b, { crls: await createCrls(b.authority, [], params) })
    await known(route)
    const caller = as(b.gateway, 'b.example')
    await caller.beat()
    world.registry.put({ ...route, crls: await createCrls(b.authority, revoked, { ...params, number: 2 }) })
    await until(async () => (await outcome(caller.beat())) === 'CERTIFICATE_NOT_TRUSTED')
    const refusal = await expectRefusal(caller.beat(), 'CERTIFICATE_NOT_TRUSTED')
    expect(refusal.message).toContain('CERT_REVOKED')
  })

  test('our own services and operators, for what is for peers', async () => {
    const { material } = await world.platform.identity('operator', 'alice')
    await expectRefusal(as(material, 'a.example').beat(), 'CALLER_NOT_ALLOWED')
  })
})

test('a child whose certificate we signed is known by it', async () => {
  const peerId = '01930000-0000-7000-8000-00000000ffff'
  const { material } = await world.platform.identity('peer', peerId)
  await known(routeTo(world.platform, { peerId, spiffeId: `spiffe://a.example/peer/${peerId}` }))
  await as(material, 'a.example').beat()
})

test('a new child of ours disturbs no connection of those we have', async () => {
  const children = ['01930000-0000-7000-8000-00000000fff1', '01930000-0000-7000-8000-00000000fff2']
  const [elder, younger] = children.map((peerId) =>
    routeTo(world.platform, { peerId, spiffeId: `spiffe://a.example/peer/${peerId}` }),
  )
  const { material } = await world.platform.identity('peer', children[0]!)
  await known(elder!)
  const caller = as(material, 'a.example')
  await caller.beat()
  const handshakes = () => metric(world, 'fed_gateway_handshakes_total', { result: 'peer' })
  const before = await handshakes()
  await known(younger!)
  await caller.beat()
  await caller.beat()
  expect(await handshakes()).toBe(before)
})

describe('on an open connection', () => {
  test('a peer that is suspended is refused, and served again once resumed', async () => {
    const route = routeTo(b)
    await known(route)
    const caller = as(b.gateway, 'b.example')
    await caller.beat()
    world.registry.put({ ...route, state: PeerState.SUSPENDED })
    await until(async () => (await outcome(caller.beat())) === 'PEER_SUSPENDED')
    world.registry.put(route)
    await until(async () => (await outcome(caller.beat())) === 'ok')
  })

  test('a peer that is revoked is refused, and its connection ended', async () => {
    const route = routeTo(b)
    await known(route)
    const caller = as(b.gateway, 'b.example')
    await caller.beat()
    expect(await metric(world, 'fed_gateway_connections', { kind: 'caller' })).toBeGreaterThan(0)
    world.registry.put({ ...route, state: PeerState.REVOKED })
    await until(async () => (await metric(world, 'fed_gateway_connections', { kind: 'caller' })) === 0)
    await expectRefusal(caller.beat(), 'PEER_REVOKED')
  })

  test('a peer we did not know when it came is known once we do', async () => {
    const caller = as(b.gateway, 'b.example')
    await expectRefusal(caller.beat(), 'CERTIFICATE_NOT_TRUSTED')
    await known(routeTo(b))
    await until(async () => (await outcome(caller.beat())) === 'ok')
  })
})

test('of two peerings with one platform, the live one counts', async () => {
  const old = routeTo(b, { state: PeerState.REVOKED })
  const fresh = routeTo(b)
  await known(fresh, old)
  await as(b.gateway, 'b.example').beat()
  expect(world.liveness.peersHeard.at(-1)).toBe(fresh.peerId)
})

test('a peer that agreed on another contract is told which', async () => {
  await known(routeTo(b, { contractVersion: 2 }))
  const refusal = await expectRefusal(as(b.gateway, 'b.example').beat(), 'CONTRACT_VERSION_UNSUPPORTED')
  expect(refusal.metadata).toMatchObject({ agreed: '2', called: '1' })
})

test('while the lease on the peers has run out nobody is served, and afterwards everybody again', async () => {
  await known(routeTo(b))
  const caller = as(b.gateway, 'b.example')
  await caller.beat()
  world.registry.ticking = false
  await until(async () => (await outcome(caller.beat())) === 'POLICY_STALE')
  world.registry.ticking = true
  await until(async () => (await outcome(caller.beat())) === 'ok')
})

describe('Accept', () => {
  const token = 'A'.repeat(43)
  const request = { acceptanceToken: token, acceptance: TEST_BUNDLE }

  test('needs no certificate, and reaches the registry with the address it came from', async () => {
    const heard: string[] = []
    world.registry.answers.redeemInvitation = async ({ accept, sourceAddress }) => {
      heard.push(`${accept?.acceptanceToken} ${sourceAddress}`)
      return { accept: { agreement: TEST_BUNDLE } }
    }
    const { agreement } = await as(undefined).call(method.accept, request)
    expect(agreement?.payloadType).toBe('test')
    expect(heard).toEqual([`${token} 127.0.0.1`])
  })

  test("gets the registry's refusal word for word", async () => {
    world.registry.answers.redeemInvitation = async () => {
      throw new Refusal('INVITATION_SPENT', 'the invitation was used by another platform')
    }
    const refusal = await expectRefusal(as(undefined).call(method.accept, request), 'INVITATION_SPENT')
    expect(refusal.message).toBe('the invitation was used by another platform')
    expect(await metric(world, 'fed_invitation_redeem_total', { result: 'INVITATION_SPENT' })).toBe(1)
  })

  test('with a malformed token is refused before the registry hears of it', async () => {
    await expectRefusal(as(undefined).call(method.accept, { ...request, acceptanceToken: 'short' }), 'REQUEST_INVALID')
  })
})

describe('bad messages', () => {
  const beatPath = `/${FederationService.typeName}/Heartbeat`

  test('one that is no message at all', async () => {
    await known(routeTo(b))
    await expectRefusal(as(b.gateway, 'b.example').raw(beatPath, Buffer.from([0xff, 0xff, 0xff])), 'REQUEST_INVALID')
  })

  test.each<[string, JsonObject]>([
    ['counts to infinity', { number: Infinity }],
    [
      'is nested so deep that the batch of all beats could not be read',
      { deep: JSON.parse('['.repeat(47) + ']'.repeat(47)) },
    ],
  ])('one that %s', async (_, capabilities) => {
    await known(routeTo(b))
    const platform = { ...DESCRIBED, capabilities }
    await expectRefusal(as(b.gateway, 'b.example').beat({ platform }), 'REQUEST_INVALID')
    await as(b.gateway, 'b.example').beat({ platform: DESCRIBED })
  })

  test('one with fields of a later contract is heard, and nothing of them goes on to those behind us', async () => {
    await known(routeTo(b))
    const {
      method: { heartbeat },
    } = FederationService
    const tag = (wireType: number) => Buffer.from([...varint((999 << 3) | wireType)])
    const groups = [...Array.from({ length: 98 }, () => tag(3)), ...Array.from({ length: 98 }, () => tag(4))]
    const beat = toBinary(heartbeat.input, create(heartbeat.input, BEAT))
    const bytes = await as(b.gateway, 'b.example').raw(beatPath, Buffer.concat([beat, ...groups]))
    expect(Uint8Array.from(fromBinary(heartbeat.output, bytes).echoNonce)).toEqual(BEAT.nonce)
  })

  test('one that is too large', async () => {
    await known(routeTo(b))
    await expectRefusal(as(b.gateway, 'b.example').raw(beatPath, Buffer.alloc(2_000_000)), 'MESSAGE_TOO_LARGE')
  })

  test('one for a method that does not exist', async () => {
    await known(routeTo(b))
    await expectRefusal(
      as(b.gateway, 'b.example').raw('/powernode.federation.v9.FederationService/Heartbeat', Buffer.alloc(0)),
      'METHOD_UNKNOWN',
    )
  })
})

describe('limits', () => {
  let narrow: World
  beforeAll(async () => {
    narrow = await startWorld({ calls: { callsPerPeer: 5, acceptsPerSource: 6, acceptsPerToken: 2 } })
    narrow.registry.answers.redeemInvitation = async () => ({ accept: { agreement: TEST_BUNDLE } })
    narrow.registry.put(routeTo(b), routeTo(c))
    await until(async () => (await metric(narrow, 'fed_gateway_peers')) === 2)
  })
  afterAll(() => narrow.stop())

  test("one peer's calls a second, at no cost to another", async () => {
    const [greedy, modest] = [
      new Caller(narrow.door, b.gateway, 'b.example'),
      new Caller(narrow.door, c.gateway, 'c.example'),
    ]
    callers.push(greedy, modest)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(greedy.beat())))
    expect(outcomes.filter((said) => said === 'RATE_LIMITED').length).toBeGreaterThanOrEqual(10)
    await modest.beat()
  })

  test('attempts with one token, and from one address, with a word when to come again', async () => {
    const stranger = new Caller(narrow.door, undefined)
    callers.push(stranger)
    const redeem = (letter: string) =>
      stranger.call(method.accept, { acceptanceToken: letter.repeat(43), acceptance: TEST_BUNDLE })
    expect(await outcome(redeem('A'))).toBe('ok')
    expect(await outcome(redeem('A'))).toBe('ok')
    const refusal = await expectRefusal(redeem('A'), 'RATE_LIMITED')
    expect(refusal.retryAfterMs).toBeGreaterThan(0)
    for (const letter of ['B', 'C', 'D']) expect(await outcome(redeem(letter))).toBe('ok')
    await expectRefusal(redeem('E'), 'RATE_LIMITED')
  })
})

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey, pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) }
}
