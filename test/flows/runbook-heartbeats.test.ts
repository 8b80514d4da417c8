import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { systemClock } from '@powernode/clock'
import { makeTestIdentity } from '@powernode/identity/testing'
import { stranger } from '@powernode/peer-registry/testing'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { invite, TestPlatform } from '../mesh.ts'
import { endpointsOf, openRoad, type Road } from '../road.ts'
import { diagnosed, diagnosis, inDatabase, said, type Diagnosis } from './runbook.ts'

let a: TestPlatform
let b: TestPlatform
let toA: Road
let toB: Road
/** Who really stands where B says that it is. */
let behindB = () => b.platform.ports.door
let onA: string
let onB: string
beforeAll(async () => {
  toA = await openRoad(() => a.platform.ports.door)
  toB = await openRoad(() => behindB())
  ;[a, b] = await Promise.all([
    TestPlatform.start('a', { registry: endpointsOf(toA) }),
    TestPlatform.start('b', { registry: endpointsOf(toB) }),
  ])
})
afterAll(async () => {
  toA?.close()
  toB?.close()
  await Promise.all([a?.stop(), b?.stop()])
})

/** By this side alone: the other one says its half once in ten seconds, which is left for those who need it. */
const alone = (peer: string) => `${peer} --no-both-ends`

const bothActive = () => Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])

test('"stuck, never enrolled or active": what beats does not run on one side, and each side says whose it is', async () => {
  await a.platform.parts.liveness.pause()
  const { onA: here, invitation } = await invite(a)
  const { peer } = await b.peers.acceptInvitation({ invitation })
  ;[onA, onB] = [here, peer?.id ?? '']
  await Promise.all([a.untilState(onA, PeerState.ENROLLED), b.untilState(onB, PeerState.ENROLLED)])
  const { verdict, exit } = await diagnosed(a, alone(onA), 'service_down')
  expect(verdict).toMatchObject({ side: 'us', summary: expect.stringContaining('liveness') })
  expect(exit).toBe(1)
  expect((await diagnosed(a, '', 'service_down')).verdict, 'and the platform by itself').toMatchObject({ side: 'us' })
  expect((await diagnosed(b, alone(onB), 'heartbeat_never')).verdict.side).toBe('them')

  await a.platform.parts.liveness.resume()
  await bothActive()
  expect((await diagnosed(a, onA, 'healthy')).exit).toBe(0)
  expect((await diagnosed(b, alone(onB), 'healthy')).exit).toBe(0)
})

describe('"active, then degraded"', () => {
  test('because the two are cut off from each other, and the loop says what it tried before it degraded', async () => {
    toA.weather = toB.weather = 'cut'
    await a.untilState(onA, PeerState.DEGRADED)
    const found = await diagnosed(a, onA, 'port_silent')
    expect(said(found, 'peering.state')).toMatchObject({ symptom: 'degraded' })
    expect(said(found, 'services.other_end')).toMatchObject({ symptom: 'other_end_silent' })
    expect(said(found, 'heartbeats.remediation')).toMatchObject({
      symptom: 'degraded_by_probe',
      cause: expect.stringContaining(toB.url),
      command: expect.stringContaining('fedctl remediation show'),
    })
  })

  test('and is gone for more than a day: better set aside until it is back', async () => {
    const past = `since = since - interval '2 days'`
    await inDatabase(a, `update peer_registry.peer set ${past} where id = $1`, [onA])
    const state = said(await diagnosis(a, onA), 'peering.state')
    expect(state).toMatchObject({ symptom: 'gone_for_long', side: 'us' })
    expect(state?.command).toMatch(new RegExp(`^fedctl peer suspend ${onA}`))
  })

  test('and back by itself when the road is', async () => {
    toA.weather = toB.weather = 'fair'
    await bothActive()
    expect((await diagnosed(a, alone(onA), 'healthy')).exit).toBe(0)
  })

  test('because the road is cut in one direction: the side that cannot hear says so, and is told that nobody reaches it', async () => {
    toA.weather = 'cut'
    const isOneWay = ({ verdict, checks }: Diagnosis) =>
      verdict.symptom === 'one_way_in' &&
      checks.some(({ name, seen_by }) => name === 'tcp.theirs' && seen_by === 'them')
    const { verdict, checks } = await eventually(() => diagnosis(a, onA), isOneWay, 120_000)
    const onTheOther = await diagnosed(b, alone(onB), 'port_silent')
    toA.weather = 'fair'
    expect(onTheOther.verdict).toMatchObject({ side: 'them' })
    expect(verdict).toMatchObject({ side: 'them', check: 'heartbeats.both' })
    expect(verdict.summary, 'their word is added to what we see ourselves').toMatch(
      /the other side says: we reach you under none of the addresses/,
    )
    const there = checks.find(({ name, seen_by }) => name === 'tcp.theirs' && seen_by === 'them')
    expect(there, 'and it is our door that they do not reach').toMatchObject({ symptom: 'port_silent', side: 'us' })
    expect(checks.find(({ name, seen_by }) => name === 'tcp.theirs' && seen_by === 'us')?.status).toBe('ok')
    await bothActive()
  })

  test('because the door of the other side is down', async () => {
    await b.platform.parts['federation-gateway'].pause()
    expect((await diagnosed(a, alone(onA), 'port_silent')).verdict.side).toBe('them')
    await b.platform.parts['federation-gateway'].resume()
    await bothActive()
  })

  test('because what hears beats is down on the other side: its door answers, and nobody behind it', async () => {
    await b.platform.parts.liveness.pause()
    const { verdict } = await diagnosed(a, alone(onA), 'heartbeat_stale')
    expect(verdict).toMatchObject({ side: 'them', check: 'heartbeats.both' })
    expect((await diagnosed(b, alone(onB), 'service_down')).verdict.side).toBe('us')
    await b.platform.parts.liveness.resume()
    await bothActive()
  })

  test('because the other side rejects: its door does not know any more who may come in', async () => {
    await b.platform.parts['peer-registry'].pause()
    expect((await diagnosed(a, alone(onA), 'refused_there')).verdict.side).toBe('them')
    await b.platform.parts['peer-registry'].resume()
    await bothActive()
  })

  test('because the other side rejects: an operator has suspended the peering there', async () => {
    await b.peers.suspendPeer({ peerId: onB, reason: 'audit' })
    const { verdict } = await diagnosed(a, alone(onA), 'peer_suspended')
    expect(verdict).toMatchObject({ side: 'them', command: 'fedctl peer resume <peer>' })
    expect((await diagnosed(b, onB, 'peer_suspended')).verdict).toMatchObject({ side: 'us' })
    await b.peers.resumePeer({ peerId: onB })
    await bothActive()
  })

  test('because the other side rejects: it takes fewer calls than we beat', async () => {
    await b.restart('federation-gateway', { MAX_CALLS_PER_PEER: '1' })
    expect((await diagnosed(a, alone(onA), 'rate_limited')).verdict.side).toBe('them')
    await b.restart('federation-gateway', { MAX_CALLS_PER_PEER: '200' })
    await bothActive()
  })
})

describe('"401 with certificate and bearer": the chain is not what it has to be', () => {
  const imposters: Server[] = []
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'powernode-imposter-'))
  })
  afterAll(() => {
    for (const imposter of imposters) imposter.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** Ends what is open, so that the next connection leads there. */
  function leadsTo(port: number): void {
    behindB = () => port
    toB.weather = 'cut'
    toB.weather = 'fair'
  }

  test('another of their services answers: the leaf is not the one that is expected', async () => {
    leadsTo(b.platform.ports['peer-registry'])
    const { verdict } = await diagnosed(a, alone(onA), 'wrong_identity')
    expect(verdict).toMatchObject({ side: 'them', check: 'chains.theirs' })
    expect(verdict.summary).toContain('spiffe://b.example/service/peer-registry')
  })

  test('the right name from another CA: the very link is named, and what we hold', async () => {
    const { authority, crls } = await stranger('b.example', systemClock.now())
    const door = { trustDomain: 'b.example', kind: 'service', name: 'federation-gateway' } as const
    const { cert, key } = await makeTestIdentity(authority, door, { dir, crls })
    const imposter = createServer({ cert, key, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] }).listen(0, '127.0.0.1')
    imposters.push(imposter)
    await once(imposter, 'listening')
    leadsTo((imposter.address() as AddressInfo).port)
    const { verdict } = await diagnosed(a, alone(onA), 'trust_mismatch')
    expect(verdict).toMatchObject({ side: 'them', check: 'chains.theirs' })
    expect(verdict.summary).toMatch(/link|leaf|root/)
    expect(verdict.summary).toMatch(/we trust .*(signature|issuer_unknown)/)
  })
})
