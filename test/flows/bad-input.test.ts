import { sign } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { Caller } from '@powernode/federation-gateway/testing'
import { createCsr, generatePlatformKey, platformIdOf, signStatement } from '@powernode/identity'
import { stranger, type Stranger } from '@powernode/peer-registry/testing'
import {
  AcceptanceSchema,
  AcceptRequestSchema,
  FederationService,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import {
  EndpointSchema,
  EndpointScope,
  EnvelopeSchema,
  type PlatformDescription,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { curl } from '@powernode/rpc/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callDoor } from '../door-client.ts'
import { invite, twoPlatforms, type Handed, type TestPlatform } from '../mesh.ts'
import { INNER_PARTS, Witness } from '../witness.ts'

/** Nobody moves by himself in here, however busy the machine is. */
const registry = { HEARTBEAT_INTERVAL: '10m', STALE_AFTER: '30m' }

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
/** Invites. */
let a: TestPlatform
/** Is invited, and may call nobody on its own machine. */
let b: TestPlatform
let ofA: Witness
let ofB: Witness
/** A platform that became a peer of A by honest means. */
let known: Stranger
/** One that will not. */
let mallory: Stranger
const handed = {} as Record<'open' | 'spent' | 'expired' | 'revoked', Handed>

beforeAll(async () => {
  const forbidding = { 'federation-gateway': { ALLOW_LOOPBACK_PEERS: 'false' } }
  mesh = await twoPlatforms({ a: { registry }, b: { registry, env: forbidding } })
  ;({ a, b } = mesh)
  ;[ofA, ofB] = await Promise.all([Witness.of(a), Witness.of(b)])
  const now = systemClock.now()
  ;[known, mallory] = await Promise.all([stranger('known.example', now), stranger('mallory.example', now)])
  for (const name of ['open', 'spent', 'expired', 'revoked'] as const) handed[name] = await invite(a)
  await callDoor(a, known.accept(handed.spent.token, { platform: known.describe({ endpoints: [] }) }))
  // announced, too: nothing is left to be done about it
  const past = `expires_at = now() - interval '1 hour', expired_at = now()`
  await ofA.sql(`update peer_registry.invitation set ${past} where peer_id = $1`, [handed.expired.onA])
  const { invitations } = await a.peers.listInvitations({ peerId: handed.revoked.onA })
  await a.peers.revokeInvitation({ invitationId: invitations[0]?.id ?? '' })
  await a.ledgerOf(handed.revoked.onA, 'federation.invitation.revoked')
  await Promise.all([ofA.settle(), ofB.settle()])
})
afterAll(async () => {
  await Promise.all([ofA?.close(), ofB?.close()])
  await mesh?.stop()
})

describe('an invitation that nobody can redeem so, at the door', () => {
  const accept = (...[said, signer]: [Parameters<Stranger['accept']>[1]?, Parameters<Stranger['accept']>[2]?]) =>
    mallory.accept(handed.open.token, said, signer)
  const describedBy = (said: Parameters<Stranger['describe']>[0]) => accept({ platform: mallory.describe(said) })
  const withKey = (identityKey: Uint8Array) => describedBy({ identityKey, platformId: platformIdOf(identityKey) })
  const LOW_ORDER = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])
  const NOT_CANONICAL = Buffer.concat([Buffer.of(0xee), Buffer.alloc(30, 0xff), Buffer.of(0x7f)])

  test.each<[string, string, () => ReturnType<Stranger['accept']> | Promise<ReturnType<Stranger['accept']>>]>([
    ['that was never made', 'INVITATION_UNKNOWN', () => mallory.accept('A'.repeat(43))],
    ['with one letter changed', 'INVITATION_UNKNOWN', () => mallory.accept(mangled(handed.open.token))],
    ['that is cut short', 'REQUEST_INVALID', () => mallory.accept(handed.open.token.slice(0, -1))],
    ['with a letter no token has', 'REQUEST_INVALID', () => mallory.accept(`!${handed.open.token.slice(1)}`)],
    ['that ran out', 'INVITATION_EXPIRED', () => mallory.accept(handed.expired.token)],
    ['that was taken back', 'INVITATION_REVOKED', () => mallory.accept(handed.revoked.token)],
    ['that another key has spent', 'INVITATION_SPENT', () => mallory.accept(handed.spent.token)],
    ['by its own redeemer saying something else', 'INVITATION_SPENT', () => known.accept(handed.spent.token)],
    [
      'with a statement signed for another token',
      'ACCEPTANCE_INVALID',
      () => accept({ tokenSha256: new Uint8Array(32) }),
    ],
    ['with a statement meant for another', 'INVITATION_FOR_ANOTHER', () => accept({ audiencePlatformId: 'elsewhere' })],
    ['with a statement signed by another key', 'SIGNATURE_INVALID', () => accept({}, generatePlatformKey())],
    [
      'without a statement',
      'REQUEST_INVALID',
      () => create(AcceptRequestSchema, { acceptanceToken: handed.open.token }),
    ],
    ['with a statement that says nothing', 'SIGNATURE_INVALID', () => withPayload(Buffer.alloc(0))],
    ['with a statement that cannot be read', 'REQUEST_INVALID', () => withPayload(Buffer.alloc(3, 0xff))],
    ['with a statement beyond its size', 'REQUEST_INVALID', () => withPayload(Buffer.alloc(262_145))],
    ['by a key of low order', 'IDENTITY_KEY_INVALID', () => withKey(LOW_ORDER)],
    ['by a key of two spellings', 'IDENTITY_KEY_INVALID', () => withKey(NOT_CANONICAL)],
    ['by a platform id of another key', 'IDENTITY_KEY_INVALID', () => describedBy({ platformId: known.platformId })],
    [
      'by a platform of another contract',
      'CONTRACT_VERSION_UNSUPPORTED',
      () => describedBy({ contractWindow: { min: 2, max: 4 } }),
    ],
    [
      'by a platform that says it is in our trust domain',
      'TRUST_DOMAIN_TAKEN',
      () => describedBy({ trustDomain: 'a.example' }),
    ],
    [
      "by a platform that says it is in a peer's trust domain",
      'TRUST_DOMAIN_TAKEN',
      () => describedBy({ trustDomain: 'known.example' }),
    ],
    ['by a platform that is a peer already', 'PLATFORM_ALREADY_PEERED', () => known.accept(handed.open.token)],
    [
      'with neither certificate request nor bundle',
      'TRUST_MATERIAL_MISSING',
      () => accept({ trust: { case: undefined } }),
    ],
    ['with a bundle of another key', 'BUNDLE_INVALID', () => accept({ trust: bundleOf(known) })],
    [
      'with a certificate request signed by another key',
      'CSR_INVALID',
      () => forgedCsr().then((trust) => accept({ trust })),
    ],
    [
      'with a certificate request that is none',
      'CSR_INVALID',
      () => accept({ trust: { case: 'csrDer', value: Uint8Array.of(0x30, 0) } }),
    ],
  ])('%s: %s', async (_, reason, request) => {
    const made = await request()
    await ofA.refuses('door', reason, () => callDoor(a, made))
  })

  test.each([
    ['http://b.example:8443', 'REQUEST_INVALID'],
    ['ftp://b.example', 'REQUEST_INVALID'],
    ['https://user:secret@b.example:8443', 'URL_INVALID'],
    ['https://b.example:8443/path', 'URL_INVALID'],
    ['https://b.example:8443/?query', 'URL_INVALID'],
  ])('by a platform that says it is at %s: %s', async (url, reason) => {
    const request = saying((platform) =>
      platform.endpoints.push(create(EndpointSchema, { url, scope: EndpointScope.WAN })),
    )
    await ofA.refuses('door', reason, () => callDoor(a, request))
  })

  test.each<[string, JsonObject]>([
    ['NaN', { number: Number.NaN }],
    ['infinity', { number: Infinity }],
    ['what is nested too deep', { deep: JSON.parse('['.repeat(30) + ']'.repeat(30)) }],
  ])('by a platform that can do %s, which no ledger could show', async (_, capabilities) => {
    const request = saying((platform) => (platform.capabilities = capabilities))
    await ofA.refuses('door', 'REQUEST_INVALID', () => callDoor(a, request))
  })

  /** Signed by somebody who does not look at what he signs. */
  function saying(edit: (platform: PlatformDescription) => unknown) {
    const { payload, payloadType } = accept().acceptance ?? create(EnvelopeSchema)
    const said = fromBinary(AcceptanceSchema, payload)
    if (said.platform) edit(said.platform)
    const acceptance = signAnything(payloadType, toBinary(AcceptanceSchema, said), mallory)
    return create(AcceptRequestSchema, { acceptanceToken: handed.open.token, acceptance })
  }

  function withPayload(payload: Uint8Array) {
    const request = accept()
    if (request.acceptance) request.acceptance.payload = Uint8Array.from(payload)
    return request
  }
  const bundleOf = (other: Stranger) => ({ case: 'trustBundle', value: other.bundle() }) as const
  /** A request for one key, with the signature of another. */
  async function forgedCsr() {
    const value = Uint8Array.from((await createCsr()).csrDer)
    value.set([(value.at(-1) ?? 0) ^ 1], value.length - 1)
    return { case: 'csrDer', value } as const
  }
})

describe('a message at the door', () => {
  const ACCEPT = `/${FederationService.typeName}/Accept`
  let door: Caller
  beforeAll(() => {
    door = new Caller(a.platform.ports.door, undefined)
  })
  afterAll(() => door?.close())

  test.each<[string, string, string, Buffer]>([
    ['that is no protobuf', 'REQUEST_INVALID', ACCEPT, Buffer.alloc(64, 0xff)],
    ['that is empty', 'REQUEST_INVALID', ACCEPT, Buffer.alloc(0)],
    ['of two mebibytes', 'MESSAGE_TOO_LARGE', ACCEPT, Buffer.alloc(2 << 20)],
    [
      'for a contract that does not exist',
      'METHOD_UNKNOWN',
      '/powernode.federation.v9.FederationService/Accept',
      Buffer.alloc(0),
    ],
    ['for a service behind it', 'METHOD_UNKNOWN', '/powernode.peer.v1.PeerRegistryService/ListPeers', Buffer.alloc(0)],
  ])('%s: %s', async (_, reason, path, bytes) => {
    await ofA.refuses('door', reason, () => door.raw(path, bytes))
  })
})

describe('JSON that says something else than it should', () => {
  const HEALTH = '/grpc.health.v1.Health/Check'
  const REGISTRY = '/powernode.peer.v1.PeerRegistryService'
  const JSON_TYPE = 'application/json'
  const post = async (part: (typeof INNER_PARTS)[number], path: string, body: string, type = JSON_TYPE) => {
    const at = { port: a.platform.ports[part], dir: identityDir(a.platform, 'admin') }
    const { status, text } = await curl(at, path, { body, headers: { 'content-type': type } })
    expect(status).toBeGreaterThanOrEqual(400)
    throw new Error(/"reason":"(\w+)"/.exec(text)?.[1] ?? text)
  }

  test.each([
    ['a field there is not', 'REQUEST_INVALID', '{"nonsense": 1}', JSON_TYPE],
    ['a value of another type', 'REQUEST_INVALID', '{"service": {}}', JSON_TYPE],
    ['half of it', 'REQUEST_INVALID', '{"service": ', JSON_TYPE],
    ['nothing', 'REQUEST_INVALID', '', JSON_TYPE],
    ['bytes that are no protobuf', 'REQUEST_INVALID', 'garbage', 'application/proto'],
    ['a form', 'REQUEST_INVALID', 'service=x', 'application/x-www-form-urlencoded'],
    ['more than a mebibyte', 'MESSAGE_TOO_LARGE', `{"service": "${'x'.repeat(1_100_000)}"}`, JSON_TYPE],
  ])('%s: %s, at every server', async (_, reason, body, type) => {
    for (const part of INNER_PARTS) await ofA.refuses(part, reason, () => post(part, HEALTH, body, type))
  })

  test.each([
    ['a method there is not', 'METHOD_UNKNOWN', '/Nothing', '{}'],
    ['a page beyond its size', 'REQUEST_INVALID', '/ListPeers', '{"pageSize": 1001}'],
    ['a page that never was', 'PAGE_TOKEN_INVALID', '/ListPeers', '{"pageToken": "nowhere"}'],
    ['a state there is not', 'REQUEST_INVALID', '/ListPeers', '{"states": ["PEER_STATE_ASLEEP"]}'],
    ['an id that is none', 'REQUEST_INVALID', '/RevokePeer', '{"peerId": "1; drop table peer"}'],
    ['a peer that is not here', 'PEER_NOT_FOUND', '/RevokePeer', '{"peerId": "01980000-0000-7000-8000-00000000dead"}'],
    ['a name beyond its length', 'REQUEST_INVALID', '/ProposePeer', `{"name": "${'x'.repeat(129)}"}`],
    ['what only the gateway may say', 'CALLER_NOT_ALLOWED', '/RedeemInvitation', '{}'],
  ])('%s: %s, at the registry', async (_, reason, path, body) => {
    await ofA.refuses('peer-registry', reason, () => post('peer-registry', `${REGISTRY}${path}`, body))
  })
})

describe('what an operator may paste by mistake, or be talked into', () => {
  type Body = Record<'t' | 'd' | 'k', string> & { u: string[]; w: [number, number, string[]]; e: number }
  const edited = (edit: (body: Body) => void): string => {
    const bytes = Buffer.from(handed.open.invitation.slice('pni1.'.length), 'base64url')
    const body: Body = JSON.parse(bytes.subarray(0, -4).toString())
    edit(body)
    const text = Buffer.from(JSON.stringify(body))
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(text))
    return `pni1.${Buffer.concat([text, sum]).toString('base64url')}`
  }
  const accept = (invitation: string, url = '') => b.peers.acceptInvitation({ invitation, url })
  const at = (url: string) => edited((body) => (body.u = [url]))

  test.each<[string, string, () => Promise<unknown>]>([
    ['half an invitation', 'INVITATION_MALFORMED', () => accept(handed.open.invitation.slice(0, 60))],
    ['one with a letter changed', 'INVITATION_MALFORMED', () => accept(mangled(handed.open.invitation))],
    ['something else', 'INVITATION_MALFORMED', () => accept('my cat walked over the keyboard')],
    ['something very long', 'REQUEST_INVALID', () => accept('x'.repeat(8_193))],
    ['one that ran out', 'INVITATION_EXPIRED', () => accept(edited((body) => (body.e = 1)))],
    ['one of another contract', 'CONTRACT_VERSION_UNSUPPORTED', () => accept(edited((body) => (body.w = [2, 3, []])))],
    ['one in our own name', 'TRUST_DOMAIN_TAKEN', () => accept(edited((body) => (body.d = 'b.example')))],
    ['one of a key of low order', 'IDENTITY_KEY_INVALID', () => accept(edited((body) => (body.k = keyText(1))))],
    ['one that leads to plain text', 'URL_INVALID', () => accept(at('http://a.example:8443'))],
    ['one that leads to a path', 'URL_INVALID', () => accept(at('https://a.example:8443/x'))],
    ['a token without the URL', 'URL_INVALID', () => accept(handed.open.token)],
    ['a token and plain text', 'URL_INVALID', () => accept(handed.open.token, 'http://a.example:8443')],
    ['a token and a password', 'URL_INVALID', () => accept(handed.open.token, 'https://me:secret@a.example')],
    ['a proposal to plain text', 'URL_INVALID', () => b.peers.proposePeer({ url: 'http://a.example' })],
    [
      'an invitation for a minute',
      'INVITATION_TTL_OUT_OF_RANGE',
      () => b.peers.proposePeer({ name: 'c', invitationTtl: durationFromMs(60_000) }),
    ],
  ])('%s: %s', async (_, reason, act) => {
    await ofB.refuses('peer-registry', reason, act)
  })

  test('an invitation of our own', async () => {
    const own = () => a.peers.acceptInvitation({ invitation: handed.open.invitation })
    await ofA.refuses('peer-registry', 'PLATFORM_IS_SELF', own)
  })

  test.each([
    'https://127.0.0.1:8443',
    'https://127.1:8443',
    'https://2130706433',
    'https://localhost',
    'https://[::1]:8443',
    'https://[::ffff:127.0.0.1]',
    'https://0.0.0.0',
    'https://[::]',
    'https://169.254.1.1',
    'https://[fe80::1]',
    'https://169.254.169.254',
    'https://[fd00:ec2::254]',
    'https://224.0.0.1',
  ])('a platform that may not call %s does not, not even to look', async (url) => {
    const { preview } = await b.peers.previewInvitation({ invitation: at(url), probe: true })
    expect(preview?.reachability).toEqual([expect.stringContaining('URL_FORBIDDEN')])
    await ofB.sawNothingChange()
  })

  const keyText = (first: number) => Buffer.concat([Buffer.of(first), Buffer.alloc(31)]).toString('base64url')
})

describe('what is only found out on the way', () => {
  test('an invitation that leads to a forbidden address waits, says so, and nobody hears of it', async () => {
    const handshakes = () => ofA.count('door', 'fed_gateway_handshakes_total', 'result', 'nobody')
    const before = await handshakes()
    const { peer } = await b.peers.acceptInvitation({ invitation: handed.open.invitation })
    const waiting = await b.until(peer?.id ?? '', ({ reason }) => reason.includes('URL_FORBIDDEN'))
    expect(waiting).toMatchObject({
      state: PeerState.PROPOSED,
      reason: expect.stringMatching(/^this platform refused: URL_FORBIDDEN: 127.0.0.1 is a loopback address/),
    })
    expect(await handshakes()).toBe(before)
    await ofA.sawNothingChange()
  })

  test('a certificate authority that is not the one named waits, says so, and is told nothing', async () => {
    const { token } = handed.open
    const { peer } = await a.peers.acceptInvitation({ invitation: token, url: b.platform.url, caPin: 'ab'.repeat(32) })
    const waiting = await a.until(peer?.id ?? '', ({ reason }) => reason.includes('CA_PIN_MISMATCH'))
    expect(waiting).toMatchObject({
      state: PeerState.PROPOSED,
      reason: expect.stringMatching(/^this platform refused: CA_PIN_MISMATCH/),
    })
  })

  test('a peer that says it lives where the cloud keeps its keys is not called there', async () => {
    const { onA, token } = await invite(a)
    const url = 'https://169.254.169.254'
    const nobody = await stranger('cloud.example', systemClock.now())
    await callDoor(a, nobody.accept(token, { platform: nobody.describe({ endpoints: [{ url, scope: 3 }] as never }) }))
    const { lastError } = await a.untilFreshness(onA, (freshness) => freshness.lastError !== '')
    expect(lastError).toContain('URL_FORBIDDEN')
    expect((await a.until(onA, () => true)).state).toBe(PeerState.ENROLLED)
  })

  test('a platform that does not say who stands behind it stays accepted', async () => {
    const { onA, token } = await invite(a)
    const shy = await stranger('shy.example', systemClock.now())
    const platform = shy.describe({
      disclosure: { contact: 'x', jurisdiction: '', platformVersion: '1', releaseTag: '' },
    })
    await callDoor(a, shy.accept(token, { platform }))
    const peer = await a.until(onA, () => true)
    expect(peer).toMatchObject({
      state: PeerState.ACCEPTED,
      reason: 'the peer has not disclosed its jurisdiction, release_tag',
    })
  })
})

test('after all of it the invitation is as good as new; fields of a later contract are passed over', async () => {
  const later = [{ no: 999, wireType: 2, data: Uint8Array.of(1, 7) }] as const
  const { acceptance } = mallory.accept(handed.open.token)
  const said = fromBinary(AcceptanceSchema, acceptance?.payload ?? new Uint8Array())
  said.$unknown = [...later]
  const request = create(AcceptRequestSchema, {
    acceptanceToken: handed.open.token,
    acceptance: signStatement(AcceptanceSchema, said, mallory.key),
  })
  request.$unknown = [...later]
  const { agreement } = await callDoor(a, request)
  expect(agreement?.payloadType).toContain('Agreement')
  expect((await a.until(handed.open.onA, () => true)).state).toBe(PeerState.ENROLLED)
})

/** An envelope whose content nobody has looked at: DSSE v1's PAE, signed. */
function signAnything(payloadType: string, payload: Uint8Array, { key }: Stranger) {
  const said = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload])
  return create(EnvelopeSchema, { payloadType, payload, signature: Uint8Array.from(sign(null, said, key.privateKey)) })
}

/** One letter in the middle is another. */
function mangled(text: string): string {
  const at = Math.floor(text.length / 2)
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
}
