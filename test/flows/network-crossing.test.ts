import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Code, ConnectError } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { freePort } from '@powernode/dev/free-port'
import { identityDir } from '@powernode/dev/layout'
import { createCsr, pemToDer, tlsContentOf, writeTlsFiles } from '@powernode/identity'
import { createLogger, elapsed } from '@powernode/process'
import { CertificateKind } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PrefixAccess } from '@powernode/proto/powernode/sdwan/v1/crossing_pb.ts'
import { NodeNetworkService, type NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { createClient, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { federate, twoPlatforms, type TestPlatform } from '../mesh.ts'

const QUIET = createLogger('test', { level: 'silent' })
/** However busy the machine is. */
const PATIENCE_MS = 60_000
const stopping = new AbortController()
let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let onA: string
let onB: string
let nodesPort: number
let hubA: AgentlessNode
let hubB: AgentlessNode

/** A node as far as the control plane sees it: it has a certificate, asks what it should look like, and makes keys. */
class AgentlessNode {
  readonly id = randomUUID()
  state: NodeState | undefined
  /** Why its stream ended. */
  ended: unknown
  readonly #platform: TestPlatform
  readonly #port: number

  constructor(platform: TestPlatform, port = platform.platform.ports['sdwan-compiler']) {
    this.#platform = platform
    this.#port = port
  }

  get tlsDir(): string {
    return join(this.#platform.platform.dir, `node-${this.id}`)
  }

  async enroll(): Promise<void> {
    const { platform, authority } = this.#platform
    const { tlsDir } = this
    const { csrDer, privateKeyPkcs8Der } = await createCsr()
    const { chain } = await authority.issueCertificate({ kind: CertificateKind.INSTANCE, name: this.id, csrDer })
    const { rootsPem } = await authority.getAuthority({})
    writeTlsFiles(tlsDir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: pemToDer(rootsPem, 'CERTIFICATE') }))
    const client = createClient(NodeNetworkService, wayTo(platform, this.#port, tlsDir), stopping.signal)
    void this.#watch(client).catch((error: unknown) => {
      this.ended = error
    })
  }

  /** Takes in each state that comes, and registers a key for each interface that has none. */
  async #watch(client: ReturnType<typeof createClient<typeof NodeNetworkService>>): Promise<void> {
    for await (const { state } of client.watchDesiredState({}, { signal: stopping.signal })) {
      this.state = state
      const keyless = state?.interfaces.filter(({ publicKey }) => publicKey === '') ?? []
      if (keyless.length === 0) continue
      await client.registerKeys({ keys: keyless.map(({ name }) => ({ interface: name, publicKey: newKey() })) })
    }
  }

  get tunnel() {
    return this.state?.interfaces.find(({ federationPeerId }) => federationPeerId !== '')
  }
}

/** Over which a port of a platform's sdwan-compiler is asked, with the identity in a folder. */
const wayTo = ({ trustDomain }: TestPlatform['platform'], port: number, tlsDir: string) =>
  ({ address: { host: '127.0.0.1', port }, server: 'sdwan-compiler', trustDomain, tlsDir, clock: systemClock, logger: QUIET }) // prettier-ignore

const newKey = () =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')

beforeAll(async () => {
  nodesPort = await freePort()
  mesh = await twoPlatforms({ a: { env: { 'sdwan-compiler': { NODES_LISTEN: `127.0.0.1:${nodesPort}` } } } })
  ;({ a, b } = mesh)
  ;({ onA, onB } = await federate(a, b))
  ;[hubA, hubB] = [new AgentlessNode(a), new AgentlessNode(b)]
  await Promise.all([hubA.enroll(), hubB.enroll()])
})
afterAll(async () => {
  stopping.abort()
  await mesh?.stop()
})

/** The prefix that the other side says it has. */
const prefixOf = async (platform: TestPlatform, peerId: string) =>
  (await platform.until(peerId, ({ prefixAdvertisement }) => prefixAdvertisement !== '')).prefixAdvertisement

const accessOf = async (platform: TestPlatform): Promise<PrefixAccess | undefined> => {
  const { items } = await platform.network.listIntent({ kind: 'prefix_access' })
  const item = items[0]?.kind
  return item?.case === 'prefixAccess' ? item.value : undefined
}

const compose = (
  platform: TestPlatform,
  { node, peerId, accept }: { node: AgentlessNode; peerId: string; accept: string },
) =>
  platform.network.composeNetwork(
    {
      networkName: 'border',
      topology: 'hub_and_spoke',
      routingProtocol: 'ibgp',
      federationPeerId: peerId,
      acceptPrefixes: [accept],
      members: [
        { nodeInstanceId: node.id, role: 'hub', name: 'hub', endpointHostV4: '192.0.2.7', endpointPort: 51820 },
      ],
    },
    { timeoutMs: PATIENCE_MS },
  )

test('a composition with a node that nobody enrolled is refused by name, and makes nothing', async () => {
  const stranger = new AgentlessNode(a)
  const accept = await prefixOf(a, onA)
  const refused = await expectRefusal(compose(a, { node: stranger, peerId: onA, accept }), 'NODE_NOT_FOUND')
  expect(refused.message).toBe(`instance(s) not found: ${stranger.id}`)
  expect((await a.network.listIntent({})).items).toEqual([])
})

test('what would be composed is shown with its plan, and nothing of it is there', async () => {
  const accept = await prefixOf(a, onA)
  const { run } = await a.network.composeNetwork({
    networkName: 'border', topology: 'hub_and_spoke', routingProtocol: 'ibgp', federationPeerId: onA, acceptPrefixes: [accept], dryRun: true,
    members: [{ nodeInstanceId: hubA.id, role: 'hub', name: 'hub', endpointHostV4: '192.0.2.7', endpointPort: 51820 }],
  }) // prettier-ignore
  expect(run).toMatchObject({ state: 'planned', dryRun: true, skill: 'sdwan_federation_compose' })
  expect(run?.plannedActions).toEqual([
    'create_network border (hub_and_spoke, ibgp)',
    'attach_peer hub as hub',
    `accept_prefixes of ${onA}: ${accept}`,
    'compile_topology hub_and_spoke',
    'compile_route_policies',
  ])
  expect(run?.plan?.changes).toEqual([
    'network_create border',
    'member_create hub',
    expect.stringContaining('prefix_access_create'),
  ])
  expect((await a.network.listIntent({})).items).toEqual([])
})

test('before anybody accepts them, it is said whether prefixes of a peer could be routed', async () => {
  const accept = await prefixOf(a, onA)
  expect(await a.network.previewPrefixAccess({ peerId: onA })).toMatchObject({ overlaps: [], usable: [accept] })
  const own = await prefixOf(b, onB)
  const { overlaps, usable } = await a.network.previewPrefixAccess({ peerId: onA, prefixes: [own] })
  expect([overlaps.map((overlap) => overlap.with), usable]).toEqual([['install', 'description'], []])
})

test('two platforms compose a network each, their offers cross, and both gateways have the same tunnel', async () => {
  const [theirs, ours] = await Promise.all([prefixOf(a, onA), prefixOf(b, onB)])
  const composed = await Promise.all([
    compose(a, { node: hubA, peerId: onA, accept: theirs }),
    compose(b, { node: hubB, peerId: onB, accept: ours }),
  ])
  expect(composed.map(({ run }) => [run?.state, run?.failures])).toEqual([['done', []], ['done', []]]) // prettier-ignore
  await eventually(
    async () => [hubA.tunnel, hubB.tunnel].map((tunnel) => Object.values(tunnel?.preshared ?? {}).length),
    (keys) => keys.every((count) => count === 1),
    PATIENCE_MS,
  )
  const [one, other] = [hubA.tunnel, hubB.tunnel]
  expect(Object.keys(one?.preshared ?? {})).toEqual([other?.publicKey])
  expect(Object.values(one?.preshared ?? {})).toEqual(Object.values(other?.preshared ?? {}))
  expect(one?.config).toContain(`Endpoint = 192.0.2.7:${other?.listenPort}`)
  const access = await accessOf(a)
  expect(access?.remote).toMatchObject({ gateways: [{ publicKey: other?.publicKey }], refused: [] })
  expect(hubA.state?.frr).toContain(access?.remote?.gateways[0]?.address)
  const { bgpRoutes } = await a.network.getRoutingSummary({ network: 'border' })
  expect(bgpRoutes).toContainEqual(
    expect.objectContaining({ prefix: access?.remote?.advertised[0], source: `federation:${onA}`, measured: false }),
  )
  await a.ledgerOf(onA, 'federation.sdwan.overlay_up')
})

test('suspended, a peer has no road on either side; resumed, it has one again', async () => {
  await a.peers.suspendPeer({ peerId: onA, reason: 'maintenance' })
  await eventually(async () => hubA.tunnel, (tunnel) => tunnel === undefined, PATIENCE_MS) // prettier-ignore
  await eventually(async () => Object.keys(hubB.tunnel?.preshared ?? {}).length, (count) => count === 0, PATIENCE_MS) // prettier-ignore
  await a.peers.resumePeer({ peerId: onA })
  await Promise.all([a.untilState(onA, PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  await eventually(
    async () => [hubA.tunnel, hubB.tunnel].map((tunnel) => Object.values(tunnel?.preshared ?? {})[0] ?? ''),
    ([one, other]) => one !== '' && one === other,
    PATIENCE_MS,
  )
})

test('revoked, the road and the rules that name the peer are gone within five seconds on both sides', async () => {
  const { items } = await a.network.listIntent({ kind: 'network' })
  const network = items[0]?.kind
  const networkId = network?.case === 'network' ? network.value.id : ''
  const src = { kind: { case: 'federationPeerId', value: onA } } as const
  const rule = {
    networkId,
    name: 'web',
    priority: 10,
    action: 'accept',
    direction: 'both',
    protocol: 'tcp',
    src,
    dstPorts: { from: 443, to: 443 },
  }
  await a.network.changeIntent({
    changes: [{ act: { case: 'put', value: { kind: { case: 'firewallRule', value: rule } } } }],
  })
  const sinceRevoked = elapsed()
  await a.peers.revokePeer({ peerId: onA, reason: 'over' })
  await eventually(async () => [hubA.tunnel, hubB.tunnel], (tunnels) => tunnels.every((tunnel) => tunnel === undefined), PATIENCE_MS) // prettier-ignore
  expect(sinceRevoked()).toBeLessThan(60_000)
  const { items: rules } = await a.network.listIntent({ kind: 'firewall_rule' })
  expect(rules.map(({ kind }) => (kind.case === 'firewallRule' ? [kind.value.name, kind.value.disabled] : []))).toEqual(
    [['web', true]],
  )
  await a.ledgerOf(onA, 'federation.sdwan.overlay_withdrawn')
  expect(
    refusalOf(await a.network.previewPrefixAccess({ peerId: randomUUID() }).catch((error: unknown) => error))?.reason,
  ).toBe('PEER_NOT_FOUND')
})

test('a node that comes by the door for nodes is cut off within seconds once its identity is revoked, and nothing else is answered there', async () => {
  const node = new AgentlessNode(a, nodesPort)
  await node.enroll()
  const put = (value: object) => ({ act: { case: 'put' as const, value } })
  const networkId = randomUUID()
  await a.network.changeIntent({
    changes: [
      put({ kind: { case: 'network', value: { id: networkId, name: 'far' } } }),
      put({ kind: { case: 'member', value: { networkId, name: 'far-1', nodeInstanceId: node.id } } }),
    ],
  })
  await eventually(
    async () => node.state?.interfaces.length,
    (count) => count === 1,
    PATIENCE_MS,
  )

  const asOperator = wayTo(a.platform, nodesPort, identityDir(a.platform, 'admin'))
  await expectRefusal(
    createClient(NodeNetworkService, asOperator, stopping.signal).reportNode({}),
    'CALLER_NOT_ALLOWED',
  )
  const others = createClient(SdwanService, asOperator, stopping.signal)
  expect(ConnectError.from(await others.listIntent({}).catch((error: unknown) => error)).code).toBe(Code.Unimplemented)

  const { certificates } = await a.authority.revokeIdentity({ kind: CertificateKind.INSTANCE, name: node.id, reason: 'stolen' }) // prettier-ignore
  expect(certificates).toHaveLength(1)
  await eventually(
    async () => node.ended,
    (ended) => ended !== undefined,
    PATIENCE_MS,
  )
  const again = createClient(NodeNetworkService, wayTo(a.platform, nodesPort, node.tlsDir), stopping.signal)
  await expect(again.reportNode({}, { timeoutMs: PATIENCE_MS })).rejects.toThrow()
  const neighbour = new AgentlessNode(a, nodesPort)
  await neighbour.enroll()
  expect(neighbour.ended, 'others go on').toBeUndefined()
})
