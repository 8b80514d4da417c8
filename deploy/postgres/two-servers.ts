import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { replicationScript } from '@powernode/dev/database'
import { freePort } from '@powernode/dev/free-port'
import { startPostgres, type Postgres } from '@powernode/dev/postgres'
import { postgresProgram } from '@powernode/dev/postgres-program'
import { createCsr, derToPem, issueCertificate, tlsContentOf, type Authority } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { Replica } from '@powernode/node-agent/replica'
import { databaseUrl, prepareDatabase, scramVerifier } from '@powernode/postgres'
import {
  ClusterMembershipSchema,
  type ClusterMembership,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import pg from 'pg'

export const SLOT = `powernode_repl_${'a'.repeat(32)}`
export const ROLE = `powernode_repl_${'a'.repeat(16)}`
export const DATABASE = 'powernode'
const DOMAIN = 'primary.test'
const DAY_MS = 86_400_000

/** What is written is handed to the system before it is answered for, and not waited for onto the disk: no test cuts the power. */
export const UNSYNCED = { fsync: 'off' }

/** With the database of the tests' seed, where there is one: a cluster need not be made anew for each story. */
async function begin(dir: string, seed = process.env['POWERNODE_TEST_SEED']): Promise<void> {
  if (!seed) return
  mkdirSync(dir, { recursive: true })
  await promisify(execFile)('cp', ['-a', `${seed}/postgres/.`, dir]) // with their owners
}

/** Whoever runs the platform's Postgres, and has it follow and lead as spawn-provisioner asks. */
export const keeperOf = (two: TwoServers, mishap: () => void = () => undefined) => ({
  dir: two.primaryDir,
  port: two.primary.port,
  identityDir: two.identityDir,
  database: DATABASE,
  ordersDir: two.stateDir,
  pause: () => two.primary.stop(),
  resume: async () => {
    mishap()
    const { primaryDir: dir, identityDir, primary } = two
    const settings = { ...UNSYNCED }
    two.primary = await startPostgres({ dir, identityDir, settings, port: primary.port }, AbortSignal.any([]))
  },
})

/** A platform's Postgres as it runs in earnest, and a member that may follow it: two real servers, real TLS. */
export class TwoServers {
  readonly dir: string
  /** Another one, once it was stopped and started again. */
  primary: Postgres
  readonly authority: Authority
  readonly replica: Replica
  readonly home: Replica['home']
  readonly membership: ClusterMembership
  get primaryDir(): string {
    return join(this.dir, 'primary')
  }
  get stateDir(): string {
    return join(this.dir, 'state')
  }
  get identityDir(): string {
    return join(this.dir, 'identity')
  }
  readonly #clients: pg.Client[] = []

  private constructor(parts: Pick<TwoServers, 'dir' | 'primary' | 'authority' | 'replica' | 'membership'>) {
    this.dir = parts.dir
    this.primary = parts.primary
    this.authority = parts.authority
    this.replica = parts.replica
    this.home = parts.replica.home
    this.membership = parts.membership
  }

  static async start(
    settings: Readonly<Record<string, string>> = {},
    { role, slot }: { readonly role: string; readonly slot: string } = { role: ROLE, slot: SLOT },
  ): Promise<TwoServers> {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-two-'))
    const authority = await makeTestAuthority(DOMAIN)
    const identityDir = join(dir, 'identity')
    const id = { trustDomain: DOMAIN, kind: 'service', name: 'postgres' } as const
    await makeTestIdentity(authority, id, { dir: identityDir, hosts: [`postgres.${DOMAIN}`] })
    const primaryDir = join(dir, 'primary')
    await begin(primaryDir)
    const primary = await startPostgres(
      { dir: primaryDir, identityDir, settings: { ...UNSYNCED, ...settings } },
      AbortSignal.any([]),
    )
    const schemas = ['spawn_provisioner', 'liveness'].map((schema) => ({
      schema,
      ownerPassword: 'owner',
      servicePassword: 'service',
    }))
    await prepareDatabase({ adminUrl: primary.url, database: DATABASE, schemas, scripts: [replicationScript()] })
    const replicaDir = join(dir, 'replica')
    const listen = { host: '127.0.0.1', port: await freePort() }
    const home = { ...postgresProgram(replicaDir), dir: replicaDir, listen, database: DATABASE, settings: UNSYNCED }
    const replica = new Replica(home, systemClock)
    const membership = create(ClusterMembershipSchema, {
      slotName: slot,
      roleName: role,
      password: String.raw`first:pass\word`,
      primaryHost: '127.0.0.1',
      primaryPort: primary.port,
      primaryRoots: [authority.rootCertificate],
      primaryServerName: `postgres.${DOMAIN}`,
    })
    const two = new TwoServers({ dir, primary, authority, replica, membership })
    replica.useCertificate(await two.certificate())
    return two
  }

  /** A member's certificate, as EnrollNode gives it: in the name of its role. */
  async certificate(): Promise<{ cert: string; key: string }> {
    const { csrDer, privateKeyPkcs8Der } = await createCsr()
    const chain = await this.sign(csrDer)
    return tlsContentOf({ chain, privateKeyPkcs8Der, roots: [this.authority.rootCertificate] })
  }

  async sign(csrDer: Uint8Array): Promise<Buffer[]> {
    const now = new Date()
    const { chain } = await issueCertificate(this.authority, {
      holder: { csrDer },
      spiffeId: { trustDomain: DOMAIN, kind: 'instance', name: '018f0000-0000-7000-8000-000000000001' },
      commonName: this.membership.roleName,
      notBefore: now,
      notAfter: new Date(now.getTime() + DAY_MS),
      usages: ['server', 'client'],
    })
    return [...chain]
  }

  /** What prepare_slot and prepare_role do. */
  async admit(password = this.membership.password): Promise<void> {
    const client = await this.asProvisioner()
    const { slotName, roleName } = this.membership
    await client.query('select replication_admin.make_slot($1)', [slotName])
    const until = new Date(Date.now() + DAY_MS)
    await client.query('select replication_admin.make_role($1, $2, $3)', [roleName, scramVerifier(password), until])
  }

  /** At the platform's own server. */
  async as(user: string, password = 'service'): Promise<pg.Client> {
    return this.#connect(
      new pg.Client({ connectionString: databaseUrl(this.primary.url, { database: DATABASE, user, password }) }),
    )
  }

  asProvisioner = (): Promise<pg.Client> => this.as('spawn_provisioner')
  asAdmin = (): Promise<pg.Client> => this.as('postgres', decodeURIComponent(new URL(this.primary.url).password))

  /** At the member's copy, as whoever reads there. */
  async onReplica(): Promise<pg.Client> {
    const { listen, dir } = this.home
    return this.#connect(
      new pg.Client({ host: join(dir, 'run'), port: listen.port, user: 'postgres', database: DATABASE }),
    )
  }

  /** At the member once it is the primary, as a service of the platform: over TLS, with the password it always had. */
  async atPromoted(user: string, password = 'service'): Promise<pg.Client> {
    const { host, port } = this.home.listen
    const ca = derToPem(this.authority.rootCertificate, 'CERTIFICATE')
    const ssl = { ca, servername: this.membership.roleName, checkServerIdentity: () => undefined }
    return this.#connect(new pg.Client({ host, port, user, password, database: DATABASE, ssl }))
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.end()))
    await this.replica.stop()
    await this.primary.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  async #connect(client: pg.Client): Promise<pg.Client> {
    client.on('error', () => undefined)
    this.#clients.push(client)
    await client.connect()
    return client
  }
}
