import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServiceImpl } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import type { AttendMemberResponse } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { createClient, Refusal, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { routeTo } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Two gateways over real TLS: the one of a parent, and the one of the child that it made. */
let parent: World
let child: World
let toParent: PeerRoute
let toChild: PeerRoute
const hungUp = new AbortController()

beforeEach(async () => {
  ;[parent, child] = await Promise.all([
    startWorld({ trustDomain: 'parent.example' }),
    startWorld({ trustDomain: 'child.example' }),
  ])
  toChild = routeTo(child.platform)
  const url = `https://127.0.0.1:${parent.door}/`
  toParent = routeTo(parent.platform, { endpoints: [{ url, scope: EndpointScope.LAN, priority: 0, cidrHint: '' }] })
  parent.registry.put(toChild)
  child.registry.put(toParent)
  for (const world of [parent, child]) await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
})
afterEach(async () => {
  await Promise.all([parent.stop(), child.stop()])
})

async function agent() {
  const { dir } = await child.platform.identity('service', 'node-agent')
  const way = { server: 'federation-gateway', trustDomain: 'child.example', tlsDir: dir, clock: systemClock }
  const address = { host: '127.0.0.1', port: child.inner }
  return createClient(
    FederationService,
    { ...way, address, logger: createLogger('test', { level: 'silent' }) },
    child.signal,
  )
}
const meant = () => ({ headers: { 'powernode-peer-id': toParent.peerId } })

type Attending = ServiceImpl<typeof SpawnService>['attendMember']

/** Answers each report with an order that repeats it; notes whose line it is, and when it ends. */
function echo(heard: { peerIds: string[]; ended: number }): Attending {
  return async function* (requests) {
    try {
      for await (const { peerId, report } of requests) {
        heard.peerIds.push(peerId)
        yield { order: { id: report?.detail ?? '', act: 'follow' } }
      }
    } finally {
      heard.ended += 1
    }
  }
}

/** Says what it is given, and then nothing more, and does not hang up. */
async function* saying(details: readonly string[]) {
  for (const detail of details) yield { report: { state: 'streaming', detail } }
  await new Promise((resolve) => hungUp.signal.addEventListener('abort', resolve))
}

async function heardOf(line: AsyncIterable<AttendMemberResponse>, many: number): Promise<string[]> {
  const orders: string[] = []
  for await (const { order } of line) {
    orders.push(order?.id ?? '')
    if (orders.length === many) break
  }
  return orders
}

describe('a node of a child', () => {
  const asked = { bootstrapToken: 'A'.repeat(43), csrDer: Uint8Array.of(1, 2, 3) }

  test('shows its bootstrap token to the parent, under the name that its platform has there', async () => {
    const met: string[] = []
    parent.spawns.answers.enrollNode = async ({ peerId, bootstrapToken }) => {
      met.push(peerId, bootstrapToken)
      return { certificateChain: [Uint8Array.of(7)], intendedSubject: 'instance-1' }
    }
    const answer = await (await agent()).enrollNode(asked, meant())
    expect(answer).toMatchObject({ certificateChain: [Uint8Array.of(7)], intendedSubject: 'instance-1' })
    expect(met).toEqual([toChild.peerId, asked.bootstrapToken])
  })

  test("is told the parent's no in the parent's words", async () => {
    parent.spawns.answers.enrollNode = () => {
      throw new Refusal('BOOTSTRAP_TOKEN_INVALID', 'spent')
    }
    const error: unknown = await (await agent()).enrollNode(asked, meant()).catch((refused: unknown) => refused)
    expect(refusalOf(error)).toMatchObject({
      reason: 'PEER_REFUSED',
      metadata: { peer_reason: 'BOOTSTRAP_TOKEN_INVALID', peer_message: 'spent' },
    })
  })

  test('is not heard before the peering stands, or after it has ended', async () => {
    for (const [state, reason] of [
      [PeerState.ACCEPTED, 'PEER_NOT_ENROLLED'],
      [PeerState.REVOKED, 'PEER_REVOKED'],
    ] as const) {
      child.registry.put({ ...toParent, state })
      const client = await agent()
      const told = () => client.enrollNode(asked, meant()).catch((refused: unknown) => refusalOf(refused)?.reason)
      await until(async () => (await told()) === reason)
    }
  })
})

describe('the standing line of a member', () => {
  test('carries what it says to the parent and orders back, both as they come', async () => {
    const heard = { peerIds: [] as string[], ended: 0 }
    parent.spawns.answers.attendMember = echo(heard)
    const line = (await agent()).attendMember(saying(['one', 'two', 'three']), meant())
    expect(await heardOf(line, 3)).toEqual(['one', 'two', 'three'])
    expect(new Set(heard.peerIds)).toEqual(new Set([toChild.peerId]))
    await until(() => heard.ended === 1)
  })

  test('brings an order before the member has said anything', async () => {
    parent.spawns.answers.attendMember = async function* (_requests, { signal }) {
      yield { order: { id: 'at once', act: 'stop' } }
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    const line = (await agent()).attendMember(saying([]), meant())
    expect(await heardOf(line, 1)).toEqual(['at once'])
  })

  test.each(['the parent', 'the child'])('ends at once when %s revokes the peering', async (who) => {
    const heard = { peerIds: [] as string[], ended: 0 }
    parent.spawns.answers.attendMember = echo(heard)
    const orders = (await agent()).attendMember(saying(['one']), meant())[Symbol.asyncIterator]()
    expect((await orders.next()).value?.order?.id).toBe('one')
    const next = orders.next()
    next.catch(() => {})
    if (who === 'the parent') parent.registry.put({ ...toChild, state: PeerState.REVOKED })
    else child.registry.put({ ...toParent, state: PeerState.REVOKED })
    await expectRefusal(next, who === 'the parent' ? 'PEER_REFUSED' : 'PEER_REVOKED')
    await until(() => heard.ended === 1)
  })

  test('that the parent refuses is refused for the reason it gives', async () => {
    parent.spawns.answers.attendMember = async function* () {
      yield* []
      throw new Refusal('NOT_CLUSTER_MEMBER', 'you are none')
    }
    const line = (await agent()).attendMember(saying(['one']), meant())
    const error: unknown = await heardOf(line, 1).catch((refused: unknown) => refused)
    expect(refusalOf(error)).toMatchObject({
      reason: 'PEER_REFUSED',
      metadata: { peer_reason: 'NOT_CLUSTER_MEMBER', peer_message: 'you are none' },
    })
  })

  test('leaves nothing behind when the member hangs up', async () => {
    const heard = { peerIds: [] as string[], ended: 0 }
    parent.spawns.answers.attendMember = echo(heard)
    for (let times = 1; times <= 3; times++) {
      const line = (await agent()).attendMember(saying(['one']), meant())
      await heardOf(line, 1)
      await until(() => heard.ended === times)
    }
  })
})
