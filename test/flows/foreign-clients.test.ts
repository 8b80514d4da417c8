import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { identityDir, type Identity } from '@powernode/dev/layout'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { describeForeign, findGrpcPython, findProgram, run, runUntil } from '../foreign.ts'
import { federate, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'

let mesh: Awaited<ReturnType<typeof twoPlatforms>>
let a: TestPlatform
let b: TestPlatform
let onA: string
beforeAll(async () => {
  mesh = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } })
  ;({ a, b } = mesh)
  ;({ onA } = await federate(a, b, { propose: { name: 'b' } }))
})
afterAll(() => mesh?.stop())

const VITALS = 'powernode.vitals.v1.VitalsService'
/** What each server serves besides health and reflection, which all of them do. */
const SERVED = {
  door: ['powernode.federation.v1.FederationService'],
  'federation-gateway': ['powernode.federation.v1.FederationService', 'powernode.gateway.v1.GatewayService', VITALS],
  'peer-registry': [
    'powernode.acceptance.v1.AcceptanceService',
    'powernode.ca.v1.CertificateAuthorityService',
    'powernode.notice.v1.NoticeService',
    'powernode.peer.v1.PeerRegistryService',
    'powernode.version.v1.VersionService',
    VITALS,
  ],
  liveness: [
    'powernode.doctor.v1.DoctorService',
    'powernode.liveness.v1.GovernanceService',
    'powernode.liveness.v1.LivenessService',
    'powernode.liveness.v1.RemediationService',
    'powernode.liveness.v1.ServiceLevelService',
    VITALS,
  ],
  'audit-ledger': ['powernode.audit.v1.AuditLedgerService', VITALS],
  'grant-authz': [
    'powernode.approval.v1.ApprovalService',
    'powernode.grant.v1.GrantAuthzService',
    'powernode.operator.v1.OperatorService',
    'powernode.policy.v1.PolicyService',
    'powernode.residency.v1.ResidencyService',
    'powernode.resource.v1.CatalogueService',
    'powernode.resource.v1.ResourceService',
    VITALS,
  ],
  'spawn-provisioner': ['powernode.spawn.v1.SpawnService', VITALS],
  'sdwan-compiler': ['powernode.sdwan.v1.NodeNetworkService', 'powernode.sdwan.v1.SdwanService', VITALS],
} as const
type Server = keyof typeof SERVED
const SERVERS = Object.keys(SERVED) as Server[] // keys of a constant
const MACHINE = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
]
const servedBy = (server: Server) => [...MACHINE, ...SERVED[server]]

const LIST_PEERS = 'powernode.peer.v1.PeerRegistryService/ListPeers'
const GET_PEER = 'powernode.peer.v1.PeerRegistryService/GetPeer'
const HEALTH = 'grpc.health.v1.Health/Check'
/** Asked for until it is so: where the machine is starved a lease of a second is over now and then, and a server says so. */
const isServing = ({ out }: { out: string }) => out.includes('"SERVING"')

const platforms = () => [a, b]
const everyServer = () => platforms().flatMap((platform) => SERVERS.map((server) => ({ platform, server })))
const addressOf = ({ platform }: TestPlatform, server: Server) => `127.0.0.1:${platform.ports[server]}`
const filesOf = ({ platform }: TestPlatform, who: Identity = 'admin') => {
  const dir = identityDir(platform, who)
  return { cacert: join(dir, 'roots.pem'), cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
}

/** Options of those three files for a program that marks its options with `dash`. */
const shown = (dash: '-' | '--', files: Partial<ReturnType<typeof filesOf>>) =>
  Object.entries(files).flatMap(([name, file]) => [`${dash}${name}`, file])
/** Who knows whom to trust, and shows nothing, or what another platform's CA has signed. */
const withoutCertificate = (platform: TestPlatform) => ({ cacert: filesOf(platform).cacert })
const withForeign = () => ({ ...filesOf(b), cacert: filesOf(a).cacert })

describeForeign(
  'grpcurl',
  {
    program: findProgram('grpcurl'),
    install: 'go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest',
  },
  (grpcurl) => {
    const as = (platform: TestPlatform, ...rest: string[]) => run(grpcurl, [...shown('-', filesOf(platform)), ...rest])

    test('lists the services of every server of both platforms, and finds each of them healthy', async () => {
      await Promise.all(
        everyServer().map(async ({ platform, server }) => {
          const address = addressOf(platform, server)
          const { out } = await as(platform, address, 'list')
          expect(out.trim().split('\n').sort(), server).toEqual(servedBy(server).sort())
          const { out: health } = await eventually(() => as(platform, address, HEALTH), isServing)
          expect(JSON.parse(health), server).toEqual({ status: 'SERVING' })
        }),
      )
    })

    test.each(['v1', 'v1alpha'])('lists them by reflection %s alone', async (version) => {
      const path = `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
      for (const { platform, server } of everyServer()) {
        const { out } = await as(platform, '-d', '{"listServices": ""}', addressOf(platform, server), path)
        const { listServicesResponse }: { listServicesResponse: { service: { name: string }[] } } = JSON.parse(out)
        expect(listServicesResponse.service.map(({ name }) => name).sort(), server).toEqual(servedBy(server).sort())
      }
    })

    test('describes a method and a message', async () => {
      const heartbeat = await as(a, addressOf(a, 'door'), 'describe', `${SERVED.door[0]}.Heartbeat`)
      expect(heartbeat.out).toContain(
        'rpc Heartbeat ( .powernode.federation.v1.HeartbeatRequest ) returns ( .powernode.federation.v1.HeartbeatResponse )',
      )
      const peer = await as(a, addressOf(a, 'peer-registry'), 'describe', 'powernode.peer.v1.Peer')
      expect(peer.out).toContain('waiting_on')
    })

    test('lists the peers, and watches events come', async () => {
      const { out } = await as(a, addressOf(a, 'peer-registry'), LIST_PEERS)
      expect(JSON.parse(out)).toMatchObject({ peers: [{ id: onA, name: 'b', state: 'PEER_STATE_ACTIVE' }] })
      const since = JSON.stringify({ since: '2020-01-01T00:00:00Z', kindPrefix: 'federation.peer.' })
      const watch = ['-d', since, addressOf(a, 'audit-ledger'), 'powernode.audit.v1.AuditLedgerService/WatchEvents']
      const active = /"kind": "federation.peer.active"/
      expect(await runUntil(grpcurl, [...shown('-', filesOf(a)), ...watch], (printed) => active.test(printed))).toMatch(
        active,
      )
    })

    test('prints the reason of a refusal, at a server of ours and at the door', async () => {
      const unknown = await as(a, '-d', '{"peer": "nobody"}', addressOf(a, 'peer-registry'), GET_PEER)
      expect(unknown.err).toMatch(/Code: NotFound[^]*google.rpc.ErrorInfo[^]*"reason": "PEER_NOT_FOUND"/)
      const notForUs = await as(a, addressOf(a, 'door'), `${SERVED.door[0]}/GetTrustBundle`)
      expect(notForUs.err).toMatch(/Code: PermissionDenied[^]*google.rpc.ErrorInfo[^]*"reason": "CALLER_NOT_ALLOWED"/)
      expect([unknown.code, notForUs.code]).not.toContain(0)
    })

    test('speaks for a peer at the door with the certificate of its gateway, and reads the whole contract', async () => {
      const { cert, key } = filesOf(b, 'federation-gateway')
      const peer = ['-insecure', '-servername', 'b.example', ...shown('-', { cert, key }), addressOf(a, 'door')]
      expect((await run(grpcurl, [...peer, 'list'])).out).toContain(SERVED.door[0])
      const bundle = await run(grpcurl, [...peer, `${SERVED.door[0]}/GetTrustBundle`])
      expect(JSON.parse(bundle.out)).toMatchObject({
        trustBundle: { payloadType: 'application/vnd.powernode.federation.v1.TrustBundle+protobuf' },
      })
    })

    test.each([
      ['without a certificate', () => shown('-', withoutCertificate(a))],
      ['with a certificate of another CA', () => shown('-', withForeign())],
      ['in plain text', () => ['-plaintext', '-connect-timeout', '3']],
    ])('gets nothing from any server %s', async (_, options) => {
      await Promise.all(
        SERVERS.map(async (server) => {
          const { code, out, err } = await run(grpcurl, [...options(), addressOf(a, server), 'list'])
          expect({ code: code !== 0, out }, server).toEqual({ code: true, out: '' })
          expect(err).toMatch(/certificate|EOF|reset|deadline exceeded/)
        }),
      )
    })
  },
)

describeForeign(
  'grpcio',
  { program: findGrpcPython(), install: 'apt install python3-grpcio python3-protobuf' },
  (python) => {
    type Job = { address: string; ca?: string; cert?: string; key?: string; plaintext?: boolean } & (
      { list: 'v1' | 'v1alpha' } | { call: string; request?: object }
    )
    type Done = { services?: string[]; answer?: object; code?: string; reason?: string }
    const script = fileURLToPath(new URL('grpcio-client.py', import.meta.url))
    const all = async (jobs: Job[]): Promise<Done[]> => {
      const { out, err, code } = await run(python, [script], { input: JSON.stringify(jobs) })
      if (code !== 0) throw new Error(err)
      return JSON.parse(out)
    }
    const files = (platform: TestPlatform) => {
      const { cacert: ca, ...pair } = filesOf(platform)
      return { ca, ...pair }
    }

    test('lists the services of every server by reflection v1 and v1alpha', async () => {
      const asked = everyServer().flatMap(({ platform, server }) =>
        (['v1', 'v1alpha'] as const).map((list) => ({ platform, server, list })),
      )
      const jobs = asked.map(({ platform, server, list }) => ({
        address: addressOf(platform, server),
        list,
        ...files(platform),
      }))
      const done = await all(jobs)
      expect(done).toEqual(asked.map(({ server }) => ({ services: servedBy(server).sort() })))
    })

    test('calls what it knows by reflection alone: the peers, the health of the door, a refusal', async () => {
      const own = files(a)
      const registry = { address: addressOf(a, 'peer-registry'), ...own }
      const door = { address: addressOf(a, 'door'), ...own }
      const jobs = [
        { ...registry, call: LIST_PEERS },
        { ...door, call: HEALTH },
        { ...registry, call: GET_PEER, request: { peer: 'nobody' } },
        { ...door, call: `${SERVED.door[0]}/GetTrustBundle` },
      ]
      const done = await eventually(
        () => all(jobs),
        (said) => isServing({ out: JSON.stringify(said) }),
      )
      expect(done).toMatchObject([
        { answer: { peers: [{ id: onA, state: 'PEER_STATE_ACTIVE' }] } },
        { answer: { status: 'SERVING' } },
        { code: 'NOT_FOUND', reason: 'PEER_NOT_FOUND' },
        { code: 'PERMISSION_DENIED', reason: 'CALLER_NOT_ALLOWED' },
      ])
    })

    test('gets nothing without a certificate, with one of another CA, or in plain text', async () => {
      const { ca } = files(a)
      const own = { address: addressOf(a, 'peer-registry'), list: 'v1' } as const
      const door = { address: addressOf(a, 'door'), list: 'v1' } as const
      const foreign = { ...files(b), ca }
      const done = await all([
        { ...own, ca },
        { ...own, ...foreign },
        { ...own, plaintext: true },
        { ...door, ca },
        { ...door, ...foreign },
        { ...door, plaintext: true },
      ])
      expect(done).toMatchObject([
        { code: 'UNAVAILABLE' },
        { code: 'UNAVAILABLE' },
        { code: 'UNAVAILABLE' },
        { code: 'UNAUTHENTICATED', reason: 'CERTIFICATE_REQUIRED' },
        { code: 'UNAUTHENTICATED', reason: 'CERTIFICATE_NOT_TRUSTED' },
        { code: 'UNAVAILABLE' },
      ])
    })
  },
)

describeForeign('curl', { program: findProgram('curl'), install: 'apt install curl' }, (curl) => {
  const QUIETLY = ['-sS', '--max-time', '60']
  const JSON_TO = ['-H', 'content-type: application/json', '-w', '\n%{http_code} %{http_version}']
  const post = (address: string, path: string, { body = '{}', options }: { body?: string; options: string[] }) =>
    run(curl, [...QUIETLY, ...JSON_TO, ...options, '-d', body, `https://${address}/${path}`])

  test.each([
    ['--http2', '2'],
    ['--http1.1', '1.1'],
  ])('calls every server inside a platform as JSON, %s', async (http, version) => {
    const options = (platform: TestPlatform) => [http, ...shown('--', filesOf(platform))]
    for (const { platform, server } of everyServer().filter(({ server }) => server !== 'door')) {
      const ask = () => post(addressOf(platform, server), HEALTH, { options: options(platform) })
      const { out } = await eventually(ask, isServing)
      const [json, status] = out.split('\n')
      expect([JSON.parse(json ?? ''), status], server).toEqual([{ status: 'SERVING' }, `200 ${version}`])
    }
    const registry = addressOf(a, 'peer-registry')
    const peers = await post(registry, LIST_PEERS, { options: options(a) })
    expect(JSON.parse(peers.out.split('\n')[0] ?? '')).toMatchObject({ peers: [{ id: onA }] })
    const unknown = await post(registry, GET_PEER, { body: '{"peer":"nobody"}', options: options(a) })
    expect(unknown.out).toMatch(new RegExp(`"reason":"PEER_NOT_FOUND"[^]*\n404 ${version}$`))
  })

  test.each([
    ['without a certificate', () => shown('--', withoutCertificate(a))],
    ['with a certificate of another CA', () => shown('--', withForeign())],
  ])('gets nothing inside a platform %s', async (_, options) => {
    for (const server of SERVERS) {
      if (server === 'door') continue
      const { code, out } = await post(addressOf(a, server), HEALTH, { options: options() })
      expect({ failed: code !== 0, out }, server).toEqual({ failed: true, out: '\n000 0' })
    }
  })

  test('gets nothing in plain text, from any server', async () => {
    for (const server of SERVERS) {
      const { code, out } = await run(curl, [...QUIETLY, `http://${addressOf(a, server)}/${HEALTH}`])
      expect({ failed: code !== 0, out }, server).toEqual({ failed: true, out: '' })
    }
  })
})

describeForeign('buf curl', { program: findProgram('buf'), install: 'npm ci' }, (buf) => {
  const as = (platform: TestPlatform, ...rest: string[]) =>
    run(buf, ['curl', ...shown('--', filesOf(platform)), ...rest])

  test.each(['grpc-v1', 'grpc-v1alpha'])(
    'lists the services of the door and of a server behind it by %s',
    async (v) => {
      for (const server of ['door', 'peer-registry'] as const) {
        const url = `https://${addressOf(a, server)}`
        const { out } = await as(a, '--protocol', 'grpc', '--reflect-protocol', v, '--list-services', url)
        expect(out.trim().split('\n').sort(), server).toEqual(servedBy(server).sort())
      }
    },
  )

  test.each(['connect', 'grpc', 'grpcweb'])('lists the peers and is told a reason by %s', async (protocol) => {
    const url = `https://${addressOf(a, 'peer-registry')}`
    const { out } = await as(a, '--protocol', protocol, `${url}/${LIST_PEERS}`)
    expect(JSON.parse(out)).toMatchObject({ peers: [{ id: onA }] })
    const { code, err } = await as(a, '--protocol', protocol, '-d', '{"peer":"nobody"}', `${url}/${GET_PEER}`)
    expect(code).not.toBe(0)
    const { code: status, details }: { code: string; details: { type: string; value: string }[] } = JSON.parse(err)
    expect([status, details[0]?.type]).toEqual(['not_found', 'google.rpc.ErrorInfo'])
    expect(Buffer.from(details[0]?.value ?? '', 'base64').toString('latin1')).toContain('PEER_NOT_FOUND')
  })
})
