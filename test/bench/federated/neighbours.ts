import { createHash, randomUUID } from 'node:crypto'
import { workerData } from 'node:worker_threads'
import { systemClock } from '@powernode/clock'
import { derToPem } from '@powernode/identity'
import { mintBearer } from '@powernode/policy'
import { openDoor } from '../../../services/audit-ledger/src/append/testing.ts'
import { serveInner, TestLiveness, TestRegistry } from '../../../services/federation-gateway/test/inner-services.ts'
import { makePlatform, routeTo } from '../../../services/federation-gateway/test/platform.ts'
import { TestGrantAuthz } from '../../../services/federation-gateway/test/policy-services.ts'
import { answerUntilStopped } from './measured-thread.ts'

/** What a gateway needs to run, and a peer to call it with. */
export type Around = {
  readonly dirs: { readonly gateway: string; readonly 'peer-registry': string }
  readonly ports: Readonly<Record<'registry' | 'liveness' | 'grants' | 'ledger', number>>
  readonly peer: { readonly cert: string; readonly key: string }
  /** PEM of what vouches for the peer's certificate. */
  readonly peerRoot: string
  readonly bearer: string
  /** What the whole of a record weighs on the wire is little; what a call costs is measured. */
  readonly kind: string
  readonly id: string
}

/** The ledger as it runs in production, on a database that writes to disk; the other neighbours are a test's. */
const data = workerData as { url: string } // as federated-call.ts gives it
const [platform, peer] = await Promise.all([makePlatform('a.example'), makePlatform('b.example')])
const dirOf = async (name: string) => (await platform.identity('service', name)).dir
const [registry, liveness, grants] = [new TestRegistry(platform), new TestLiveness(), new TestGrantAuthz()]
const stopping = new AbortController()
const door = await openDoor({ url: data.url, clock: systemClock })
const { trustDomain } = platform
const serve = async (name: string, services: Parameters<typeof serveInner>[0]['services']) =>
  serveInner({ name, tlsDir: await dirOf(name), trustDomain, services }, stopping.signal)
const served = {
  registry: await serve('peer-registry', registry.mounts()),
  liveness: await serve('liveness', liveness.mounts()),
  grants: await serve('grant-authz', grants.mounts()),
  ledger: await serve('audit-ledger', [door.mount]),
}
const [kind, id, peerId, grantId] = ['NodeModule', 'm-1', randomUUID(), randomUUID()]
const { bearer, secretSha256 } = mintBearer(grantId)
const nowMs = systemClock.now().getTime()
registry.put(routeTo(peer, { peerId, dataResidency: 'eu' }))
grants.owner.put(id, { record: { name: 'one', version: '1.2.3', secret: createHash('sha256').digest('hex') } })
grants.tell({
  servedKinds: {
    kinds: [
      {
        kind,
        service: 'service/grant-authz',
        address: `127.0.0.1:${served.grants.port}`,
        dataClass: 'catalogue',
        sensitiveFields: ['secret'],
      },
    ],
  },
  residencyRules: { defaultMode: 'advise', homeRegion: 'eu', regions: [{ name: 'eu', parent: '' }], rules: [] },
  grants: [
    {
      id: grantId,
      peerId,
      secretSha256,
      resourceKind: kind,
      resourceId: '',
      scopes: 1,
      nodeInstanceIds: [],
      sdwanNetworkIds: [],
      sourceCidrs: ['127.0.0.0/8'],
      boundIdentities: [],
      notBeforeMs: nowMs - 60_000,
      expiresAtMs: nowMs + 86_400_000,
      revokedAtMs: 0,
    },
  ],
})
const { cert, key } = peer.gateway
const peerRoot = derToPem(peer.authority.rootCertificate, 'CERTIFICATE')
const ports = Object.fromEntries(Object.entries(served).map(([name, { port }]) => [name, port])) as Around['ports'] // the same names
const dirs = { gateway: await dirOf('federation-gateway'), 'peer-registry': await dirOf('peer-registry') }
await answerUntilStopped({ dirs, ports, peer: { cert, key }, peerRoot, bearer, kind, id } satisfies Around)
stopping.abort()
await Promise.all(Object.values(served).map(({ ended }) => ended))
await door.stop()
process.exit()
