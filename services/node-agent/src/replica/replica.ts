import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@powernode/clock'
import { certificatesToPem } from '@powernode/identity'
import type { ClusterMembership, MemberOrder } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { clonePrimary, sizesOf, tidyClone } from './clone-primary.ts'
import {
  dataOf,
  forgetSocketFolder,
  isCloned,
  ownedFolder,
  own,
  pathIn,
  socketFolder,
  tlsOf,
  writeOwned,
  type ReplicaHome,
} from './replica-home.ts'
import { startReplica, type ReplicaProcess } from './replica-process.ts'
import { accessText, IDENTITIES, passwordText, settingsText } from './replica-settings.ts'
import { ReplicaConsole, type ReplicaStatus } from './replica-status.ts'

/** An order that this replica cannot carry out; the message says why. Nothing was changed. */
export class OrderRefused extends Error {
  override readonly name = 'OrderRefused'
}

const REPLAY_POLL_MS = 20

/** A copy of another platform's Postgres that follows it, run by us. One at a time on a home. */
export class Replica {
  readonly home: ReplicaHome
  readonly #clock: Clock
  #running:
    { readonly process: ReplicaProcess; readonly console: ReplicaConsole; readonly socketDir: string } | undefined

  constructor(home: ReplicaHome, clock: Clock) {
    this.home = home
    this.#clock = clock
    ownedFolder(home, home.dir)
  }

  get isCloned(): boolean {
    return isCloned(this.home)
  }

  /** Whether the copy is a standby still: Postgres removes the sign when it has been promoted. */
  get isStandby(): boolean {
    return existsSync(join(dataOf(this.home), 'standby.signal'))
  }

  get isRunning(): boolean {
    return this.#running?.process.isRunning ?? false
  }

  get pid(): number {
    return this.#running?.process.pid ?? 0
  }

  /** Resolves when its Postgres ends by itself, or does not run. */
  get exited(): Promise<void> {
    return this.#running?.process.exited ?? Promise.resolve()
  }

  /** The certificate and key with which it shows itself, to the primary and to whoever follows it. PEM. */
  useCertificate({ cert, key }: { readonly cert: string; readonly key: string }): void {
    ownedFolder(this.home, tlsOf(this.home))
    writeOwned(this.home, join(tlsOf(this.home), 'cert.pem'), cert)
    writeOwned(this.home, join(tlsOf(this.home), 'key.pem'), key)
  }

  /** Copies the primary anew and follows it. What was here is lost when the copy is whole. */
  async clone(from: ClusterMembership, signal: AbortSignal, onProgress?: (bytes: number) => void): Promise<void> {
    this.#writeSecrets(from)
    await clonePrimary(this.home, { from, ...(onProgress && { onProgress }) }, signal)
    await this.stop()
    await this.start(from, signal)
  }

  /** Runs it, following `follows` for as long as it is a standby. */
  async start(follows: ClusterMembership, signal: AbortSignal): Promise<void> {
    tidyClone(this.home)
    this.#writeSecrets(follows)
    const socketDir = socketFolder(this.home)
    this.#configure(follows, socketDir)
    try {
      const process = await startReplica(this.home, this.#clock, signal)
      this.#running = { process, socketDir, console: new ReplicaConsole(this.home, socketDir) }
    } catch (error) {
      forgetSocketFolder(this.home, socketDir)
      throw error
    }
  }

  /** Another password, or another primary: heard at once, without an end of what reads from it. */
  reconfigure(follows: ClusterMembership): void {
    this.#writeSecrets(follows)
    if (!this.#running) return
    this.#configure(follows, this.#running.socketDir)
    this.#running.process.reload()
  }

  async status(): Promise<ReplicaStatus> {
    return this.#console().status()
  }

  /**
   * Becomes the primary, when it has replayed all that the old one ever answered for.
   *
   * MUST NOT before: at `atLsn` the old primary was fenced, and whatever lies before it was promised to somebody.
   */
  async promote(order: MemberOrder, follows: ClusterMembership, signal: AbortSignal): Promise<ReplicaStatus> {
    const console = this.#console()
    const before = await console.status()
    if (!before.inRecovery) {
      // The order came again, or we died between the promotion and the answer.
      if (before.timeline <= order.timeline)
        throw new OrderRefused(`on timeline ${before.timeline}, and no standby of it`)
    } else {
      if (before.timeline !== order.timeline)
        throw new OrderRefused(`on timeline ${before.timeline}, and the fenced primary was on ${order.timeline}`)
      await this.#untilReplayed(order, signal)
    }
    await console.promote()
    this.reconfigure(follows) // whoever could log in at the old primary can here
    return console.status()
  }

  /** Becomes the primary with what it has, whoever answered for more: the old one is gone. Safe to repeat. */
  async takeOver(follows: ClusterMembership): Promise<ReplicaStatus> {
    const console = this.#console()
    await console.promote()
    this.reconfigure(follows)
    return console.status()
  }

  /**
   * Ends it as a primary: nobody can write any more, what was written is sent to whoever follows, and the server stops.
   * Returns the position before which everything lies that it answered for.
   */
  async resign(keepRole: string, signal: AbortSignal): Promise<string> {
    const console = this.#console()
    const lsn = await console.fence(keepRole, (ms) => this.#clock.sleep(ms, signal))
    await this.stop() // a shutdown in order waits for those who follow
    return lsn
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    if (!running) return
    await running.process.stop()
    forgetSocketFolder(this.home, running.socketDir)
  }

  /** Stops it, and removes everything of it. */
  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.home.dir, { recursive: true, force: true })
  }

  async #untilReplayed({ atLsn, within }: MemberOrder, signal: AbortSignal): Promise<void> {
    const console = this.#console()
    const patienceMs = Number(within?.seconds ?? 30n) * 1_000
    for (let waitedMs = 0; !(await console.hasReplayed(atLsn)); waitedMs += REPLAY_POLL_MS) {
      signal.throwIfAborted()
      if (waitedMs >= patienceMs)
        throw new OrderRefused(
          `replayed to ${(await console.status()).lsn}, and the old primary had answered to ${atLsn}`,
        )
      await this.#clock.sleep(REPLAY_POLL_MS, signal)
    }
  }

  #console(): ReplicaConsole {
    if (!this.#running) throw new OrderRefused('the replica does not run')
    return this.#running.console
  }

  #configure(follows: ClusterMembership, socketDir: string): void {
    const standby = this.isStandby
    const settings = settingsText(this.home, {
      sizes: sizesOf(this.home),
      socketDir,
      follows: standby ? follows : undefined,
    })
    writeOwned(this.home, pathIn(this.home, 'replica.conf'), settings)
    writeOwned(this.home, pathIn(this.home, 'pg_hba.conf'), accessText(!standby))
    writeOwned(this.home, pathIn(this.home, 'pg_ident.conf'), IDENTITIES)
  }

  #writeSecrets(membership: ClusterMembership): void {
    ownedFolder(this.home, tlsOf(this.home))
    writeOwned(this.home, pathIn(this.home, 'pgpass'), passwordText(membership))
    const roots = join(tlsOf(this.home), 'roots.pem')
    writeOwned(this.home, roots, certificatesToPem(membership.primaryRoots))
    own(this.home, roots)
  }
}
