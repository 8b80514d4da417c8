import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { pemToDer } from '@powernode/identity'
import { Replica } from '@powernode/node-agent/replica'
import { ClusterMembershipSchema, MemberOrderSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { postgresProgram } from './postgres-program.ts'
import { postgresHome } from './postgres-binaries.ts'
import { serverUser } from './server-user.ts'

export type Server = {
  /** As startPostgres has it. */
  readonly dir: string
  readonly port: number
  /** cert.pem, key.pem and roots.pem of the platform's Postgres, by which a promoted member knows it. */
  readonly identityDir: string
  readonly database: string
  /** Stops the server, and leaves it stopped until it is resumed. */
  pause(): Promise<void>
  resume(): Promise<void>
}

export type Follow = { readonly address: string; readonly role: string }
export type TakeOver = { readonly lsn: string; readonly timeline: number }

/**
 * A platform's former primary on its way back: it follows the member that was promoted in its place, and takes over again.
 *
 * Its data directory is replaced by a copy of the member's, because what it wrote last may be on no timeline any more, and
 * there is no pg_rewind here.
 */
export class FormerPrimary {
  readonly #server: Server
  readonly #replica: Replica
  /** It leads, though it may not run yet as it did before. */
  #leads = false

  constructor(server: Server) {
    this.#server = server
    const { base } = serverUser(postgresHome(), server.dir)
    const listen = { host: '127.0.0.1', port: server.port }
    const home = { ...postgresProgram(server.dir), dir: base, listen, database: server.database }
    this.#replica = new Replica(home, systemClock)
  }

  /** Returns when it is being sent what the member writes. */
  async follow({ address, role }: Follow, signal: AbortSignal): Promise<void> {
    const { identityDir, pause } = this.#server
    const text = (file: string) => readFileSync(join(identityDir, file), 'utf8')
    const { hostname, port } = new URL(`postgres://${address}`)
    const membership = create(ClusterMembershipSchema, {
      roleName: role,
      primaryHost: hostname.replace(/^\[|\]$/g, ''),
      primaryPort: Number(port),
      primaryServerName: role,
      primaryRoots: pemToDer(text('roots.pem'), 'CERTIFICATE'),
    })
    await pause()
    this.#leads = false
    await this.#replica.stop()
    this.#replica.useCertificate({ cert: text('cert.pem'), key: text('key.pem') })
    await this.#replica.clone(membership, signal)
    while (!(await this.#replica.status()).streaming) await wait(50, undefined, { signal })
  }

  /** The member has resigned at `lsn`: with all up to there, this is the primary again. */
  async takeOver({ lsn, timeline }: TakeOver, signal: AbortSignal): Promise<void> {
    const within = { seconds: 30n }
    const order = create(MemberOrderSchema, { act: 'promote', atLsn: lsn, timeline, within })
    if (!this.#leads) await this.#replica.promote(order, create(ClusterMembershipSchema), signal)
    this.#leads = true
    await this.#replica.stop()
    await this.#server.resume()
  }

  stop(): Promise<void> {
    return this.#replica.stop()
  }
}
