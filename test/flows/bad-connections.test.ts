import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { connect as tcpConnect, type Socket } from 'node:net'
import { once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { environmentOf } from '@powernode/dev/environment'
import { identityDir, secretPath } from '@powernode/dev/layout'
import { SERVICE_NAMES } from '@powernode/dev/services'
import { Caller, type Shown } from '@powernode/federation-gateway/testing'
import { certificatesToPem, readSealingKey, readTlsFiles, spiffeUri, type Authority } from '@powernode/identity'
import { BAD_CERTIFICATES, forgeCertificate, makeTestIdentity, type BadCertificate } from '@powernode/identity/testing'
import { stranger, type Stranger } from '@powernode/peer-registry/testing'
import { refusalOf } from '@powernode/rpc'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { callDoor } from '../door-client.ts'
import { eventually, PATIENCE_MS } from '../eventually.ts'
import { run } from '../foreign.ts'
import { invite, TestPlatform } from '../mesh.ts'
import { INNER_PARTS, Witness, type Part } from '../witness.ts'

const COMPILED = process.env['NODE_COMPILE_CACHE'] ?? fileURLToPath(new URL('../../.cache/compile', import.meta.url))
const registry = { HEARTBEAT_INTERVAL: '10m', STALE_AFTER: '30m' }
const HEALTH = '/grpc.health.v1.Health/Check'
const FAULTS = Object.keys(BAD_CERTIFICATES) as BadCertificate[] // keys of a constant

let a: TestPlatform
let ofA: Witness
/** The CA of A itself, as only a burglar with the sealing key has it. */
let ownAuthority: Authority
/** Peers of A that can sign whatever they like. */
let x: Stranger
let y: Stranger
let onA: { x: string; y: string }
let dir: string
let places = 0
const callers: Caller[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-bad-'))
  a = await TestPlatform.start('a', { registry })
  ofA = await Witness.of(a)
  ownAuthority = await authorityOf(a)
  const now = systemClock.now()
  ;[x, y] = await Promise.all([stranger('x.example', now), stranger('y.example', now)])
  onA = { x: await enrol(x), y: await enrol(y) }
  await ofA.settle()
})
afterEach(() => {
  for (const caller of callers.splice(0)) caller.close()
})
afterAll(async () => {
  await ofA?.close()
  await a?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function enrol(who: Stranger): Promise<string> {
  const { onA: peerId, token } = await invite(a)
  await callDoor(a, who.accept(token, { platform: who.describe({ endpoints: [] }) }))
  const caller = as('door', await identity(who, 'federation-gateway'), who.trustDomain)
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  while (!(await beat(caller).then(Boolean, () => false))) {
    giveUp.throwIfAborted()
    await systemClock.sleep(20, giveUp)
  }
  return peerId
}

async function authorityOf({ platform }: TestPlatform): Promise<Authority> {
  type Row = Record<'root_certificate' | 'root_key_sealed' | 'issuing_certificate' | 'issuing_key_sealed', Buffer>
  const [row] = await ofA.rows<Row>(`
    select root_certificate, root_key_sealed, issuing_certificate, issuing_key_sealed
    from peer_registry.authority where status = 'current'`)
  if (!row) throw new Error('a platform without a CA')
  const sealing = readSealingKey({ file: secretPath(platform, 'sealing-key') })
  return {
    generation: 1,
    rootCertificate: row.root_certificate,
    rootKey: sealing.open(row.root_key_sealed, 'authority/1/root-key'),
    issuingCertificate: row.issuing_certificate,
    issuingKey: sealing.open(row.issuing_key_sealed, 'authority/1/issuing-key'),
  }
}

/** A good certificate of somebody's own service, with the lists that its CA publishes. */
const identity = ({ authority, trustDomain, crls }: Stranger, name: string): Promise<Shown> =>
  makeTestIdentity(authority, { trustDomain, kind: 'service', name }, { dir: join(dir, `${places++}`), crls })

function as(part: Part, shown?: Shown, serverName?: string): Caller {
  const caller = new Caller(a.platform.ports[part], shown, serverName)
  callers.push(caller)
  return caller
}

let beats = 0n
const beat = (caller: Caller) =>
  caller.beat({
    nonce: Uint8Array.from(randomBytes(16)),
    sentAt: timestampFromDate(systemClock.now()),
    sequence: ++beats,
  })
/** A beat that is heard. A machine too busy for the lease of its own registry says so and is asked again; nothing else is. */
async function isHeard(caller: Caller): Promise<void> {
  const said = await eventually(
    () =>
      beat(caller).then(
        () => undefined,
        (error: unknown) => error,
      ),
    (error) => refusalOf(error)?.reason !== 'POLICY_STALE',
  )
  expect(said).toBeUndefined()
}
const health = (caller: Caller) => caller.raw(HEALTH, Buffer.alloc(0))
const ignored = (call: Promise<unknown>) => call.catch(() => undefined)

describe('at the door', () => {
  const GATEWAY = { trustDomain: 'x.example', kind: 'service', name: 'federation-gateway' } as const

  test('a peer with a good certificate is heard, to begin with', async () => {
    const caller = as('door', await identity(x, 'federation-gateway'), 'x.example')
    // Of a machine that is starved a door that has not heard the registry for a second lets nobody in.
    await eventually(
      () => beat(caller),
      ({ state }) => state === 'enrolled',
    )
  })

  test('whoever shows none is told that one is needed', async () => {
    await ofA.refuses('door', 'CERTIFICATE_REQUIRED', () => beat(as('door')))
    await ofA.refuses('door', 'CERTIFICATE_REQUIRED', () => health(as('door')))
  })

  test.each(FAULTS)('a certificate %s gets nobody in', async (fault) => {
    const shown = await BAD_CERTIFICATES[fault](x.authority, GATEWAY)
    await ofA.refuses('door', 'CERTIFICATE_NOT_TRUSTED', () => beat(as('door', shown, 'x.example')))
    await ofA.refuses('door', 'CERTIFICATE_NOT_TRUSTED', () => health(as('door', shown, 'x.example')))
  })

  test("a peer's CA cannot speak for another peer, under any server name", async () => {
    const shown = await signedBy(x.authority, spiffeUri({ ...GATEWAY, trustDomain: 'y.example' }))
    for (const serverName of ['x.example', 'y.example', 'a.example', 'localhost']) {
      await ofA.refuses('door', 'CERTIFICATE_NOT_TRUSTED', () => beat(as('door', shown, serverName)))
    }
  })

  test("a peer's CA cannot speak for this platform", async () => {
    for (const kind of ['service', 'operator', 'peer'] as const) {
      const shown = await signedBy(x.authority, spiffeUri({ trustDomain: 'a.example', kind, name: onA.y }))
      for (const serverName of ['x.example', 'a.example']) {
        await ofA.refuses('door', 'CERTIFICATE_NOT_TRUSTED', () => health(as('door', shown, serverName)))
      }
    }
  })

  test('another service of a peer is not the peer', async () => {
    const shown = await identity(x, 'liveness')
    await ofA.refuses('door', 'PEER_UNKNOWN', () => beat(as('door', shown, 'x.example')))
  })

  test('our own operators and services are not peers', async () => {
    for (const who of ['admin', 'liveness'] as const) {
      const shown = readTlsFiles(identityDir(a.platform, who))
      await ofA.refuses('door', 'CALLER_NOT_ALLOWED', () => beat(as('door', shown)))
    }
  })

  test('plain text, TLS 1.2 and anything but HTTP/2 are dropped', async () => {
    await ofA.drops('door', ['plaintext'], () => plainText('door'))
    await ofA.drops('door', ['tls_version'], () => tls('door', { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }))
    await ofA.drops('door', ['not_http2'], () => tls('door', { ALPNProtocols: ['http/1.1'] }))
  })
})

describe('inside the platform', () => {
  /** These pass OpenSSL, and are refused call by call. */
  const REFUSED: readonly BadCertificate[] = ['without SPIFFE id', 'with two URI SANs', 'without extended key usage']
  const everywhere = (check: (part: Part) => Promise<void>) => Promise.all(INNER_PARTS.map(check))

  test.each(FAULTS)('a certificate %s gets nobody in', async (fault) => {
    const shown = await BAD_CERTIFICATES[fault](ownAuthority, {
      trustDomain: 'a.example',
      kind: 'operator',
      name: 'mallory',
    })
    await everywhere((part) =>
      REFUSED.includes(fault)
        ? ofA.refuses(part, 'CERTIFICATE_NOT_TRUSTED', () => health(as(part, shown)))
        : ofA.drops(part, ['certificate_not_trusted'], () => ignored(health(as(part, shown)))),
    )
  })

  const SIGNED = { trustDomain: 'a.example', name: '01980000-0000-7000-8000-000000000001' } as const

  test('a peer has no business there, though we signed for it', async () => {
    const shown = await makeTestIdentity(ownAuthority, { ...SIGNED, kind: 'peer' }, join(dir, `${places++}`))
    await everywhere((part) => ofA.refuses(part, 'CERTIFICATE_NOT_TRUSTED', () => health(as(part, shown))))
  })

  test('nor has a node, but with those that speak with nodes', async () => {
    const shown = await makeTestIdentity(ownAuthority, { ...SIGNED, kind: 'instance' }, join(dir, `${places++}`))
    const withNodes: readonly Part[] = ['peer-registry', 'sdwan-compiler']
    await everywhere(async (part) => {
      if (withNodes.includes(part)) expect(await health(as(part, shown))).toBeDefined()
      else await ofA.refuses(part, 'CERTIFICATE_NOT_TRUSTED', () => health(as(part, shown)))
    })
  })

  test('nor have a peer, a stranger, or whoever speaks in plain text or TLS 1.2', async () => {
    const gateway = await identity(x, 'federation-gateway')
    const operator = readTlsFiles(identityDir(a.platform, 'admin'))
    await everywhere((part) => ofA.drops(part, ['certificate_not_trusted'], () => ignored(health(as(part, gateway)))))
    await everywhere((part) => ofA.drops(part, ['certificate_missing'], () => ignored(health(as(part)))))
    await everywhere((part) => ofA.drops(part, ['plaintext'], () => plainText(part)))
    await everywhere((part) =>
      ofA.drops(part, ['protocol_version'], () => tls(part, { ...operator, maxVersion: 'TLSv1.2' })),
    )
  })
})

describe('a peer that is a peer no more', () => {
  test('is refused on the connection it has, and on a new one: suspended, then revoked', async () => {
    const shown = await identity(y, 'federation-gateway')
    const open = as('door', shown, 'y.example')
    await beat(open)
    for (const [end, reason] of [
      [() => a.peers.suspendPeer({ peerId: onA.y }), 'PEER_SUSPENDED'],
      [() => a.peers.revokePeer({ peerId: onA.y }), 'PEER_REVOKED'],
    ] as const) {
      await end()
      await expect.poll(() => beat(open).catch(String)).toContain('PERMISSION_DENIED')
      await ofA.settle()
      await ofA.refuses('door', reason, () => beat(open))
      await ofA.refuses('door', reason, () => beat(as('door', shown, 'y.example')))
    }
  })
})

describe('connections that never speak', () => {
  const open = new Set<Socket>()
  afterEach(() => {
    for (const socket of open) socket.destroy()
    open.clear()
  })

  test('ten thousand from forty addresses keep no peer from being heard', async () => {
    const many = Math.min(10_000, mostConnections())
    process.stdout.write(`connections that never speak: ${many}\n`)
    const early = as('door', await identity(x, 'federation-gateway'), 'x.example')
    const shown = await identity(x, 'federation-gateway')
    await isHeard(early)
    const before = await ofA.count('door', 'fed_gateway_dropped_connections_total', 'why', 'crowded_out')
    for (let opened = 0; opened < many; opened += 500) {
      await Promise.all(Array.from({ length: Math.min(500, many - opened) }, (_, at) => silent('door', opened + at)))
      await isHeard(early)
      await isHeard(as('door', shown, 'x.example'))
    }
    if (many === 10_000) {
      const after = await ofA.count('door', 'fed_gateway_dropped_connections_total', 'why', 'crowded_out')
      expect(after - before).toBeGreaterThan(1_000)
    }
    await ofA.sawNothingChange()
  })

  test.each(INNER_PARTS)('a thousand at %s keep no operator out', async (part) => {
    await Promise.all(Array.from({ length: 1_000 }, () => silent(part)))
    const operator = readTlsFiles(identityDir(a.platform, 'admin'))
    // A server that has not heard from another for a second, as where so many are opened at once, serves again by itself.
    await eventually(() => health(as(part, operator)), (said) => said.equals(Buffer.of(8, 1))) // prettier-ignore
    await ofA.sawNothingChange()
  })

  async function silent(part: Part, number?: number): Promise<void> {
    const source = number === undefined ? {} : { localAddress: `127.0.1.${(number % 40) + 1}` }
    const socket = tcpConnect({ host: '127.0.0.1', port: a.platform.ports[part], ...source })
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined)
  }
})

test.each(SERVICE_NAMES)('%s does not start with half a key pair, and says how to mend it', async (service) => {
  const halves = ['key.pem', 'cert.pem'].map(async (missing) => {
    const half = join(dir, `${service} without ${missing}`)
    cpSync(identityDir(a.platform, service), half, { recursive: true, dereference: true })
    rmSync(join(half, missing))
    const env = environmentOf(service, a.platform, { env: { [service]: { IDENTITY_DIR: half } } })
    const main = fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url))
    const { code, err } = await run(process.execPath, [main], { env: { NODE_COMPILE_CACHE: COMPILED, ...env } })
    expect(code, err).toBe(1)
    expect(err).toContain('half a key pair')
    expect(err).toContain(`fedctl cert issue`)
  })
  await Promise.all(halves)
  await ofA.sawNothingChange()
})

async function signedBy(authority: Authority, uri: string): Promise<Shown> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { certificate: authority.issuingCertificate, key: authority.issuingKey }
  const der = await forgeCertificate({ publicKey, issuer, uris: [uri] })
  const cert = certificatesToPem([der, authority.issuingCertificate, authority.rootCertificate])
  return { cert, key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }
}

async function plainText(part: Part): Promise<void> {
  const socket = tcpConnect(a.platform.ports[part], '127.0.0.1')
  socket.on('error', () => {})
  socket.end('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket.resume(), 'close')
}

async function tls(part: Part, options: ConnectionOptions): Promise<void> {
  const socket = tlsConnect({ host: '127.0.0.1', port: a.platform.ports[part], rejectUnauthorized: false, ...options })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {}).resume()
  await closed
}

/** Both ends of each are in this process, and both are files to the system. */
function mostConnections(): number {
  const files = Number(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout) || Infinity
  return files >= 12_000 ? Infinity : Math.floor((files - 500) / 2)
}
