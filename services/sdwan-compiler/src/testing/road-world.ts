import { randomBytes } from 'node:crypto'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import type { OverlayOffer } from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import { sql } from 'kysely'
import type { FederationFacts, FederationState } from '../federation-peer.ts'
import { answerOverlay } from '../operations/answer-overlay.ts'
import { hearOverlay } from '../operations/hear-overlay.ts'
import { changingRoads, settleCrossings } from '../operations/settle-crossings.ts'
import { settleOffers } from '../operations/settle-offers.ts'
import { settlePeer } from '../operations/settle-peer.ts'
import * as crossings from '../store/crossings.ts'
import type { SdwanTx, Tables } from '../store/tables.ts'

export const NOW = new Date('2026-03-01T12:00:00.000Z')
const MIGRATIONS = new URL('../../migrations', import.meta.url)
const BY = { version: 1, created_at: NOW, created_by: 'operator/alice', updated_at: NOW, updated_by: 'operator/alice' }
const DEFAULTS = {
  status: 'active', routing_protocol: 'ibgp', topology: 'hub_and_spoke', default_policy: 'drop', mtu: 1420, isolation: 'shared',
  route_reflectors: 0, preshared_keys: false, key_generation: 1, advertise_subnet: true,
} as const // prettier-ignore

/** The network of one platform as far as roads to peers go: one network, one hub that is its gateway. */
export class RoadWorld {
  readonly database: TestDatabase<Tables>
  readonly sealed = randomBytes(32)
  readonly sealing = new SealingKey(this.sealed)
  readonly trustDomain: string
  readonly platformId: string
  readonly slash48: string
  readonly network: string
  readonly networkId: string
  readonly memberId: string
  readonly nodeId: string
  now = NOW

  private constructor(database: TestDatabase<Tables>, number: number) {
    const digit = number.toString(16)
    this.database = database
    this.trustDomain = `${digit}.example`
    this.platformId = digit
      .replace('0', 'z')
      .replace('1', 'y')
      .padStart(32, 'a')
      .replaceAll(/[^a-z2-7]/g, 'b')
    this.slash48 = `fd0${digit}:0:1::/48`
    this.network = `fd0${digit}:0:1:1::/64`
    this.networkId = `019f0000-0000-7000-8000-00000000${digit}001`
    this.memberId = `019f0000-0000-7000-8000-00000000${digit}002`
    this.nodeId = `019f0000-0000-7000-8000-00000000${digit}003`
  }

  /** `number`, one digit of hex, tells the platforms of a test apart. */
  static async start(number: number): Promise<RoadWorld> {
    const world = new RoadWorld(await testDatabase<Tables>({ schema: 'sdwan_compiler', dir: MIGRATIONS }), number)
    await world.act(async (tx) => {
      const install = `fd0${number.toString(16)}::/40`
      await sql`insert into install (prefix, drawn_at) values (${install}, ${NOW})`.execute(tx)
      const network = { id: world.networkId, name: 'lab', slug: 'lab', cidr: world.network, ...DEFAULTS }
      await world.insert(tx, 'network', network)
      await world.insert(tx, 'member', world.#member('hub-1', world.memberId, world.nodeId, 1))
    })
    return world
  }

  // oxlint-disable-next-line max-params -- a row of a table
  #member(name: string, id: string, nodeId: string, place: number) {
    return {
      id, network_id: this.networkId, node_id: nodeId, name, address: this.network.replace('/64', `${place}`),
      publicly_reachable: true, endpoint_v6: `2001:db8::${place}`, endpoint_port: 51820, listen_port: 51820,
      lan_subnets: '{}', tags: '{}', route_reflector_client: false,
    } // prettier-ignore
  }

  async insert(tx: SdwanTx, table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
    const all = { ...row, ...BY }
    const names = sql.join(Object.keys(all).map((name) => sql.ref(name)))
    await sql`insert into ${sql.table(table)} (${names}) values (${sql.join(Object.values(all))})`.execute(tx)
  }

  act<T>(verb: (tx: SdwanTx) => Promise<T>): Promise<T> {
    return inTransaction(this.database.db, verb)
  }

  /** Our operators let these prefixes of a peer in. */
  async access(peerId: string, accept: readonly string[], more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const id = `019f0000-0000-7000-9000-${peerId.slice(-12)}`
    const row = { id, peer_id: peerId, network_id: this.networkId, gateways: [this.memberId], advertise: '{}', accept: [...accept], max_prefixes: 32, disabled: false, ...more } // prettier-ignore
    await this.act((tx) => this.insert(tx, 'prefix_access', row))
    await this.settle()
  }

  /** How peer-registry shows a peer. */
  async peer(peer: RoadWorld | string, facts: Partial<FederationFacts> = {}): Promise<void> {
    const id = typeof peer === 'string' ? peer : idOf(peer)
    const known = typeof peer === 'string' ? {} : { platformId: peer.platformId, prefixAdvertisement: peer.slash48 }
    const whole = { id, name: id.slice(-3), platformId: '', prefixAdvertisement: '', state: 'active' as FederationState, revision: 1, ...known, ...facts } // prettier-ignore
    await this.act((tx) => settlePeer(tx, this.now, whole))
    await this.offers()
  }

  async settle(): Promise<void> {
    await this.act((tx) => changingRoads(tx, () => settleCrossings(tx, this.now)))
    await this.offers()
  }

  offers(): Promise<void> {
    return this.act((tx) => settleOffers(tx, this.now, this))
  }

  /** The agent of the gateway has made the key of its end towards a peer. */
  async key(
    peer: RoadWorld,
    publicKey = `${Buffer.from(this.trustDomain.padEnd(31, 'k')).toString('base64').slice(0, 40)}AAA=`,
  ) {
    await this.act((tx) => crossings.setEndKey(tx, { nodeId: this.nodeId, peerId: idOf(peer), publicKey }))
    await this.settle()
  }

  /** What this platform offers to a peer. */
  offerTo(peer: RoadWorld): Promise<OverlayOffer> {
    return this.act((tx) => answerOverlay(tx, this.now, { peerId: idOf(peer), sealing: this.sealing }))
  }

  /** This platform tells a peer, and hears its answer. */
  async exchangeWith(peer: RoadWorld): Promise<void> {
    await peer.hear(this, await this.offerTo(peer))
    await this.hear(peer, await peer.offerTo(this))
  }

  async hear(from: RoadWorld, offer: OverlayOffer): Promise<void> {
    await this.act((tx) => hearOverlay(tx, this.now, { peerId: idOf(from), offer, sealing: this.sealing }))
  }

  /** The roads as they are compiled. */
  roads() {
    return this.act(crossings.forWorld)
  }

  version(): Promise<number> {
    return this.act(
      async (tx) => (await tx.selectFrom('intent_state').select('version').executeTakeFirstOrThrow()).version,
    )
  }

  /** What was announced, in order, as subjects without ids. */
  announced(): Promise<string[]> {
    return this.act(async (tx) => {
      const { rows } = await sql<{ subject: string }>`select subject from outbox order by position`.execute(tx)
      return rows.map(({ subject }) => subject.split('.')[2] ?? '')
    })
  }
}

/** The id that everybody else has of a platform. */
export const idOf = (world: RoadWorld): string => world.networkId.replace(/001$/, 'fff')

/** Two platforms whose operators want a road, whose agents have made keys, and who have told each other. */
export async function joined(): Promise<readonly [RoadWorld, RoadWorld]> {
  const [a, b] = await Promise.all([RoadWorld.start(1), RoadWorld.start(2)])
  for (const [ours, theirs] of [
    [a, b],
    [b, a],
  ] as const) {
    await ours.peer(theirs)
    await ours.access(idOf(theirs), [theirs.slash48])
    await ours.key(theirs)
  }
  await a.exchangeWith(b)
  return [a, b]
}
