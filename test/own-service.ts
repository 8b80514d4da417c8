import { join } from 'node:path'
import type { Transport } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { identityDir } from '@powernode/dev/layout'
import { createCsr, pemToDer, tlsContentOf, writeTlsFiles } from '@powernode/identity'
import { createLogger, createMetrics } from '@powernode/process'
import { CertificateKind } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { CatalogueService, ResourceService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { createClient, mount, openTransport, serve } from '@powernode/rpc'
import { everyOperator } from '@powernode/rpc/testing'
import { everyMethodFor } from '../services/federation-gateway/test/inner-services.ts'
import { TestOwner } from '../services/federation-gateway/test/policy-services.ts'
import type { TestPlatform } from './mesh.ts'

const QUIET = createLogger('test', { level: 'silent' })

/** A service of a platform that its gateway has never heard of: with a certificate of the platform's CA, and records. */
export class OwnService {
  readonly name: string
  readonly owner = new TestOwner()
  readonly #platform: TestPlatform
  readonly #tlsDir: string
  #stopping = new AbortController()
  #served: Promise<void> | undefined

  private constructor(platform: TestPlatform, name: string, tlsDir: string) {
    this.#platform = platform
    this.name = name
    this.#tlsDir = tlsDir
  }

  static async enlist(platform: TestPlatform, name: string): Promise<OwnService> {
    const tlsDir = join(platform.platform.dir, `service-${name}`)
    const { authority } = platform
    const { csrDer, privateKeyPkcs8Der } = await createCsr()
    const { chain } = await authority.issueCertificate({ kind: CertificateKind.SERVICE, name, csrDer })
    const { rootsPem } = await authority.getAuthority({})
    writeTlsFiles(tlsDir, tlsContentOf({ chain, privateKeyPkcs8Der, roots: pemToDer(rootsPem, 'CERTIFICATE') }))
    return new OwnService(platform, name, tlsDir)
  }

  /** Listens; at this port, when one is said. Answers whoever shows the gateway's certificate, and nobody else. */
  async start(port = 0): Promise<number> {
    this.#stopping = new AbortController()
    const { name, owner } = this
    const listening = Promise.withResolvers<number>()
    this.#served = serve(
      {
        ...this.#way(),
        name,
        listen: { host: '127.0.0.1', port },
        services: [
          mount(ResourceService, owner.handlers(), everyMethodFor(ResourceService, ['service/federation-gateway'])),
        ],
        operators: everyOperator,
        metrics: createMetrics(name),
        onListening: listening.resolve,
      },
      this.#stopping.signal,
    )
    return Promise.race([listening.promise, this.#served.then(() => Promise.reject(new Error(`${name} ended`)))])
  }

  /** Says that it serves these kinds. */
  async register(kinds: string[], address: string): Promise<number> {
    const { ports } = this.#platform.platform
    const target = { server: 'grant-authz', port: ports['grant-authz'] }
    const { leaseMs } = await this.#ask(target, (road) => createClient(CatalogueService, road).registerKinds({ kinds, address })) // prettier-ignore
    return leaseMs
  }

  /** Asked by the platform's gateway, which expects this very service. */
  async listAsGateway(kind: string, port: number): Promise<void> {
    const tlsDir = identityDir(this.#platform.platform, 'federation-gateway')
    await this.#ask({ server: this.name, port, tlsDir }, (road) => createClient(ResourceService, road).listResources({ kind })) // prettier-ignore
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#served
  }

  async #ask<T>(
    { port, ...target }: { readonly server: string; readonly port: number; readonly tlsDir?: string },
    question: (road: Transport) => Promise<T>,
  ): Promise<T> {
    const asking = new AbortController()
    const way = { ...this.#way(), address: { host: '127.0.0.1', port }, ...target }
    try {
      return await question(openTransport(way, asking.signal))
    } finally {
      asking.abort()
    }
  }

  #way() {
    const { trustDomain } = this.#platform.platform
    return { tlsDir: this.#tlsDir, trustDomain, clock: systemClock, logger: QUIET }
  }
}
