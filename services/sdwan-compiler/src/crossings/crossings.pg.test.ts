import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { SealBroken, SealingKey } from '@powernode/identity'
import { OverlayOfferSchema } from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isPairName } from '../compile/alphabets.ts'
import { DEGRADED_GRACE_MS } from '../federation-peer.ts'
import { NetworkCompiler } from '../network.ts'
import { hearNothing } from '../operations/hear-overlay.ts'
import { previewAccess } from '../operations/preview-access.ts'
import { rekey } from '../operations/rekey.ts'
import { resealSecrets } from '../operations/reseal-secrets.ts'
import { roadKey } from '../operations/road-key.ts'
import { skipTo } from '../operations/settle-offers.ts'
import { noteNews } from '../operations/settle-peer.ts'
import { takeTurn } from '../store/intent-state.ts'
import * as overlays from '../store/overlays.ts'
import * as sealed from '../store/sealed.ts'
import { idOf, joined, NOW, RoadWorld } from '../testing/road-world.ts'

let a: RoadWorld
let b: RoadWorld
const more: RoadWorld[] = []
beforeEach(async () => {
  ;[a, b] = await joined()
})
afterEach(async () => {
  await Promise.all([a, b, ...more.splice(0)].map(({ database }) => database.drop()))
})

const another = async (number: number) => {
  const world = await RoadWorld.start(number)
  more.push(world)
  return world
}
const keyOf = async (world: RoadWorld) => {
  const pair = (await world.roads())[0]?.pair ?? ''
  return world.act((tx) => roadKey(tx, { pair, platformId: world.platformId, sealing: world.sealing }))
}
const newKey = () => {
  const { publicKey } = generateKeyPairSync('x25519')
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
}

test('offers that cross make one road: the same preshared key at both ends, and each the other’s gateway and prefix', async () => {
  const [[onA], [onB]] = [await a.roads(), await b.roads()]
  expect(onA).toMatchObject({
    peerId: idOf(b),
    networkId: a.networkId,
    accepted: [b.network],
    advertised: [a.network],
    remote: [{ address: b.network.replace('/64', '1'), endpoint: '[2001:db8::1]:52820' }],
    gateways: [{ memberId: a.memberId, listenPort: 52_820 }],
  })
  expect(onB?.accepted).toEqual([a.network])
  expect(onA?.remote[0]?.publicKey).toBe(onB?.gateways[0]?.publicKey)
  expect(isPairName(onA?.pair), 'the compiler writes it').toBe(true)
  const key = await keyOf(a)
  expect(Buffer.from(key ?? '', 'base64')).toHaveLength(32)
  expect(await keyOf(b)).toBe(key)
  expect(await a.announced()).toEqual(['overlay_offered', 'overlay_up'])
})

test('until both sides have offered there is nobody at the other end, and the interface is there all the same', async () => {
  const c = await another(3)
  await c.peer(a)
  await c.access(idOf(a), [a.slash48])
  expect(await c.roads()).toMatchObject([{ remote: [], accepted: [], pair: '', gateways: [{ publicKey: undefined }] }])
  expect(await c.offerTo(a)).toMatchObject({ withdrawn: true, gateways: [] })
  await c.hear(a, await a.offerTo(b))
  expect(await c.roads()).toMatchObject([{ remote: [], pair: '' }])
  await c.key(a)
  expect(await c.roads()).toMatchObject([{ remote: [{}], accepted: [a.network] }])
})

test('what we offer no more is no end of a road, whatever the peer still offers', async () => {
  await a.act((tx) => sql`update crossing_gateway set public_key = null`.execute(tx))
  await a.settle()
  expect(await a.offerTo(b)).toMatchObject({ withdrawn: true })
  expect(await a.roads()).toMatchObject([{ remote: [], accepted: [], pair: '' }])
})

test('halves of the preshared key rest sealed, and in nobody’s row but their own', async () => {
  const offer = await a.offerTo(b)
  const sealed = await b.act((tx) => overlays.heardOf(tx, [idOf(a)]))
  const half = sealed.get(idOf(a))?.halfSealed ?? Buffer.alloc(0)
  expect(half.includes(Buffer.from(offer.presharedHalf))).toBe(false)
  expect(() => b.sealing.open(half, `heard_overlay.half_sealed ${idOf(b)}`)).toThrow('altered')
})

test.each(['suspended', 'revoked'] as const)(
  'with the news that a peering is %s the road and the rules that name it are gone',
  async (state) => {
    await a.act((tx) => rule(tx, 'web in'))
    const version = await a.version()
    await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state, revision: 2 }))
    expect(await a.roads()).toEqual([])
    expect(await a.version()).toBe(version + 1)
    expect(await rules()).toEqual([{ name: 'web in', disabled: true }])
    expect((await a.announced()).slice(2)).toEqual(['overlay_withdrawn', 'overlay_withdrawn'])
    await a.offers()
    expect(await a.offerTo(b)).toMatchObject({ withdrawn: true, presharedHalf: new Uint8Array(0) })
  },
)

test.each(['suspended', 'revoked'] as const)(
  'what a peer said before it was %s, and comes after, is kept by nobody; one that is back is heard again',
  async (state) => {
    const late = create(OverlayOfferSchema, {
      ...(await b.offerTo(a)),
      sequence: 9n,
      presharedHalf: Buffer.alloc(32, 9),
    })
    await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state, revision: 2 }))
    const before = await a.act((tx) => overlays.heardOf(tx, [idOf(b)]))
    expect(before.size).toBe(state === 'revoked' ? 0 : 1)
    await a.hear(b, late)
    expect(await a.act((tx) => overlays.heardOf(tx, [idOf(b)]))).toEqual(before)
    await a.peer(b, { state: 'active', revision: 3 })
    await a.hear(b, late)
    expect((await a.act((tx) => overlays.heardOf(tx, [idOf(b)]))).get(idOf(b))).toMatchObject({ sequence: 9 })
  },
)

test('halves of a tunnel’s key are sealed under the new sealing key; lost, both are made anew and the road comes back', async () => {
  const old = a.sealing
  const anew = new SealingKey(randomBytes(32), a.sealed)
  const kept = await a.act(sealed.all)
  expect(kept.map(({ kind }) => kind)).toEqual(['our_half', 'their_half'])
  expect(await a.act((tx) => resealSecrets(tx, old))).toMatchObject({ standing: 'newest', resealed: 0, lost: 0 })
  expect(await a.act((tx) => resealSecrets(tx, anew))).toMatchObject({ standing: 'newest', resealed: 2, lost: 0 })
  for (const { sealed: now, context } of await a.act(sealed.all)) {
    expect(anew.open(now, context)).toHaveLength(32)
    expect(() => old.open(now, context)).toThrow(SealBroken)
  }
  expect(await a.act((tx) => resealSecrets(tx, anew)), 'once is enough').toMatchObject({ resealed: 0, lost: 0 })
  const before = await keyOf(b)

  // The key that sealed them is lost, and given up: the one before is taken out again.
  const { newest } = await a.act((tx) => resealSecrets(tx, anew))
  const again = new SealingKey(a.sealed, undefined, newest)
  expect(await a.act((tx) => resealSecrets(tx, again))).toMatchObject({ standing: 'newest', resealed: 0, lost: 2 })
  await expectRefusal(a.offerTo(b), 'SECRET_LOST')
  expect(await keyOf(a)).toBeUndefined()
  const said = { by: { actor: 'operator/alice' }, compiler: new NetworkCompiler('1.example'), sealing: old, networks: [], peerIds: [], reason: '', planSha256: '' } // prettier-ignore
  expect((await a.act((tx) => rekey(tx, NOW, said))).lines).toEqual([`prefix_access_rekey ${idOf(b)}`])
  await a.exchangeWith(b)
  const key = await keyOf(a)
  expect(key).toBeDefined()
  expect(key).not.toBe(before)
  expect(await keyOf(b)).toBe(key)
})

test('a lost half of a peer whom we never offered anything keeps nobody from making the rest anew', async () => {
  const c = await another(3)
  await a.peer(c)
  await a.hear(c, await b.offerTo(a))
  const sealing = new SealingKey(randomBytes(32))
  const said = { by: { actor: 'operator/alice' }, compiler: new NetworkCompiler('1.example'), sealing, networks: [], peerIds: [], reason: '', planSha256: '' } // prettier-ignore
  const { lines } = await a.act((tx) => rekey(tx, NOW, said))
  expect(lines.toSorted()).toEqual([b, c].map((peer) => `prefix_access_rekey ${idOf(peer)}`).toSorted())
  const kept = await a.act(sealed.all)
  expect(kept.map(({ sealed: value, context }) => sealing.open(value, context).length)).toEqual([32])
  // Whoever is named, and was never told of a road, is a mistake.
  await expectRefusal(a.act((tx) => rekey(tx, NOW, { ...said, peerIds: [idOf(c)] })), 'INTENT_NOT_FOUND') // prettier-ignore
})

test('a half that cannot be opened any more is heard again when its peer repeats it', async () => {
  const again = await b.offerTo(a)
  const broken = new SealingKey(randomBytes(32)).seal(Buffer.alloc(32), `heard_overlay.half_sealed ${idOf(b)}`)
  await a.act((tx) => sql`update heard_overlay set half_sealed = ${broken}`.execute(tx))
  await a.hear(b, again)
  expect(await keyOf(a)).toBe(await keyOf(b))
})

test('a peering that is resumed has its road and its rules again, with another key', async () => {
  await a.act((tx) => rule(tx, 'web in'))
  const before = await keyOf(a)
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'suspended', revision: 2 }))
  await a.offers()
  await a.peer(b, { state: 'active', revision: 3 })
  await a.key(b)
  await a.exchangeWith(b)
  expect(await rules()).toEqual([{ name: 'web in', disabled: false }])
  expect(await a.roads()).toMatchObject([{ accepted: [b.network] }])
  const key = await keyOf(a)
  expect(key).toBeDefined()
  expect(key).not.toBe(before)
  expect(await keyOf(b)).toBe(key)
})

test('a rule that an operator switched off while the peer was away stays off', async () => {
  await a.act((tx) => rule(tx, 'web in'))
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'suspended', revision: 2 }))
  await a.act((tx) => sql`update firewall_rule set updated_at = updated_at + interval '1 second'`.execute(tx))
  await a.peer(b, { state: 'active', revision: 3 })
  expect(await rules()).toEqual([{ name: 'web in', disabled: true }])
})

test('a rule that was switched on by hand while the peer was away, and off again by us, comes back with the peer', async () => {
  await a.act((tx) => rule(tx, 'web in'))
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'suspended', revision: 2 }))
  await a.act((tx) => sql`update firewall_rule set disabled = false, updated_at = updated_at + interval '1 second'`.execute(tx)) // prettier-ignore
  a.now = new Date(NOW.getTime() + 2_000)
  await a.settle()
  expect(await rules()).toEqual([{ name: 'web in', disabled: true }])
  await a.peer(b, { state: 'active', revision: 3 })
  expect(await rules()).toEqual([{ name: 'web in', disabled: false }])
})

test('news that is older than what is known ends nothing: a stream that is heard again is no news', async () => {
  await a.peer(b, { revision: 7 })
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'suspended', revision: 6 }))
  expect(await a.roads()).toHaveLength(1)
})

test('news alone makes no road: that a peer is active, peer-registry is asked', async () => {
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'suspended', revision: 2 }))
  await a.act((tx) => noteNews(tx, NOW, { peerId: idOf(b), state: 'active', revision: 3 }))
  expect(await a.roads()).toEqual([])
})

test('a peer that falls silent keeps its road for a while, and then loses it', async () => {
  await a.peer(b, { state: 'degraded', revision: 2 })
  expect(await a.roads()).toHaveLength(1)
  a.now = new Date(NOW.getTime() + DEGRADED_GRACE_MS)
  await a.peer(b, { state: 'degraded', revision: 2 })
  expect(await a.roads()).toEqual([])
  await a.peer(b, { state: 'active', revision: 3 })
  expect(await a.roads()).toHaveLength(1)
})

test('an older offer is refused with the one that was heard; the same again changes nothing', async () => {
  const offer = await a.offerTo(b)
  const version = await b.version()
  await b.hear(a, offer)
  expect(await b.version()).toBe(version)
  await b.hear(a, create(OverlayOfferSchema, { ...offer, sequence: 9n }))
  const refused = await expectRefusal(b.hear(a, offer), 'OVERLAY_OUTDATED')
  expect(refused.metadata).toMatchObject({ sequence: '9' })
  const gateways = offer.gateways.map((gateway) => ({ ...gateway, publicKey: newKey() }))
  await expectRefusal(b.hear(a, create(OverlayOfferSchema, { ...offer, sequence: 9n, gateways })), 'OVERLAY_OUTDATED')
})

test('a platform that was put back from a backup goes on where its peer has heard it', async () => {
  const offer = await a.offerTo(b)
  await b.hear(a, create(OverlayOfferSchema, { ...offer, sequence: 40n, presharedHalf: Buffer.alloc(32, 1) }))
  await a.act((tx) => skipTo(tx, NOW, { peerId: idOf(b), heard: 40, sealing: a.sealing }))
  await a.settle()
  expect((await a.offerTo(b)).sequence).toBe(41n)
  await a.exchangeWith(b)
  expect(await keyOf(a)).toBe(await keyOf(b))
})

test('a peer that would have us count to where nobody can read does not: we go on telling it and everybody else', async () => {
  const heard = Number.MAX_SAFE_INTEGER - 1
  await a.act((tx) => skipTo(tx, NOW, { peerId: idOf(b), heard, sealing: a.sealing }))
  await a.act((tx) => sql`update prefix_access set disabled = true`.execute(tx))
  await a.settle()
  expect(await a.offerTo(b)).toMatchObject({ sequence: 2n, withdrawn: true })
})

test('a peer that takes nothing of us any more has no road, until it offers one again', async () => {
  await a.act((tx) => hearNothing(tx, NOW, { peerId: idOf(b) }))
  expect(await a.roads()).toMatchObject([{ remote: [], accepted: [], pair: '' }])
  const refused = await expectRefusal(a.hear(b, await b.offerTo(a)), 'OVERLAY_OUTDATED')
  await b.act((tx) =>
    skipTo(tx, NOW, { peerId: idOf(a), heard: Number(refused.metadata['sequence']), sealing: b.sealing }),
  )
  await b.settle()
  await b.exchangeWith(a)
  expect(await a.roads()).toMatchObject([{ accepted: [b.network] }])
  expect(await keyOf(a)).toBe(await keyOf(b))
})

test('a peer that withdraws takes its routes with it at once', async () => {
  await b.act((tx) => sql`update prefix_access set disabled = true`.execute(tx))
  await b.settle()
  await a.hear(b, await b.offerTo(a))
  expect(await a.roads()).toMatchObject([{ remote: [], accepted: [], pair: '' }])
  expect((await a.announced()).at(-1)).toBe('overlay_withdrawn')
})

test.each([
  ['what overlaps with our own space', () => [a.network]],
  ['what is not of what its description says it has', () => ['fd99:1::/64']],
])('%s is refused, and not routed', async (_what, prefixes) => {
  const offer = await b.offerTo(a)
  await a.act((tx) => sql`update prefix_access set accept = array['fd00::/8'::cidr]`.execute(tx))
  const advertise = [...offer.advertise, ...prefixes()].toSorted()
  await a.hear(b, create(OverlayOfferSchema, { ...offer, sequence: 9n, advertise }))
  expect(await a.roads()).toMatchObject([{ accepted: [b.network] }])
  const shown = await a.act((tx) => tx.selectFrom('crossing').select('refused').executeTakeFirstOrThrow())
  expect(shown.refused).toEqual(prefixes())
  expect(await a.announced()).toContain('overlap_refused')
})

test('of two peers that advertise the same the one that was let in first keeps it, whoever speaks first', async () => {
  const c = await another(3)
  await a.peer(c, { prefixAdvertisement: b.slash48 })
  await a.access(idOf(c), [b.slash48])
  await a.key(c)
  const offer = create(OverlayOfferSchema, { ...(await b.offerTo(a)), presharedHalf: Buffer.alloc(32, 9) })
  await a.hear(c, offer)
  expect((await a.roads()).map(({ accepted }) => accepted)).toEqual([[b.network], []])
})

test('a peer whose gateway is said to lie where another peer was let in takes nothing from it, whoever came first', async () => {
  const c = await another(0)
  await a.peer(c, { prefixAdvertisement: b.slash48 })
  await a.access(idOf(c), [c.slash48])
  const [first] = await a.act((tx) => sql<{ peer_id: string }>`select peer_id from prefix_access order by id`.execute(tx)).then(({ rows }) => rows) // prettier-ignore
  expect(first?.peer_id, 'the one who claims what is not its own comes first').toBe(idOf(c))
  await a.key(c)
  const offer = await b.offerTo(a)
  const gateways = offer.gateways.map((gateway) => ({ ...gateway, address: b.network.replace('/64', '66') }))
  await a.hear(c, create(OverlayOfferSchema, { ...offer, gateways, presharedHalf: Buffer.alloc(32, 9) }))
  const roads = new Map((await a.roads()).map((road) => [road.peerId, road]))
  expect(roads.get(idOf(b))).toMatchObject({
    accepted: [b.network],
    remote: [{ address: b.network.replace('/64', '1') }],
  })
  expect(roads.get(idOf(c))).toMatchObject({ accepted: [], remote: [] })
})

test('a peer that says our own key is its gateway’s has no gateway: no tunnel leads to itself', async () => {
  const offer = await b.offerTo(a)
  const [own] = (await a.offerTo(b)).gateways
  const gateways = offer.gateways.map((gateway) => ({ ...gateway, publicKey: own?.publicKey ?? '' }))
  await a.hear(b, create(OverlayOfferSchema, { ...offer, sequence: 9n, gateways }))
  expect(await a.roads()).toMatchObject([{ remote: [] }])
})

test('who looks whether our offers are still what they should be waits for nobody, and nobody waits for it', async () => {
  await a.act(async (tx) => {
    await takeTurn(tx)
    await a.offers()
  })
  expect((await a.offerTo(b)).sequence).toBe(1n)
})

test('a LAN of ours that comes to lie where a peer advertises is ours', async () => {
  await a.act((tx) => sql`update member set lan_subnets = array[${b.network}::cidr]`.execute(tx))
  await a.settle()
  expect(await a.roads()).toMatchObject([{ accepted: [], remote: [] }])
})

test('before anybody accepts them, it is said with whom prefixes overlap', async () => {
  const preview = (prefixes: string[]) => a.act((tx) => previewAccess(tx, { peerId: idOf(b), prefixes }))
  expect(await preview([])).toEqual({ overlaps: [], usable: [b.network] })
  expect(await preview([a.network, 'fd99::/64'])).toEqual({
    usable: [],
    overlaps: [
      { prefix: a.network, withPrefix: 'fd01::/40', with: 'install' },
      { prefix: a.network, withPrefix: b.slash48, with: 'description' },
      { prefix: 'fd99::/64', withPrefix: b.slash48, with: 'description' },
    ],
  })
  const refused = await expectRefusal(preview(['fd02:0:1:1::7/64']), 'REQUEST_INVALID')
  expect(refused.next).toBe('did you mean fd02:0:1:1::/64?')
  const c = await another(3)
  await a.peer(c, { prefixAdvertisement: '' })
  await expectRefusal(
    a.act((tx) => previewAccess(tx, { peerId: idOf(c), prefixes: [] })),
    'OVERLAY_NOT_OFFERED',
  )
})

test('a port that a member comes to listen on is given up, and the key stays', async () => {
  const [before] = await a.roads()
  await a.act((tx) => sql`update member set listen_port = 52820`.execute(tx))
  await a.settle()
  expect((await a.roads())[0]?.gateways).toEqual([{ ...before?.gateways[0], listenPort: 52_821 }])
})

async function rule(tx: Parameters<Parameters<RoadWorld['act']>[0]>[0], name: string): Promise<void> {
  await a.insert(tx, 'firewall_rule', {
    id: '019f0000-0000-7000-8000-00000000aaaa', network_id: a.networkId, name, priority: 10, action: 'accept', direction: 'ingress',
    protocol: 'tcp', src_kind: 'federation_peer', src_value: idOf(b), dst_kind: 'all', dst_value: '', port_from: 443, port_to: 443,
    disabled: false,
  }) // prettier-ignore
}

const rules = () =>
  a.act(
    async (tx) =>
      (await sql<{ name: string; disabled: boolean }>`select name, disabled from firewall_rule`.execute(tx)).rows,
  )
