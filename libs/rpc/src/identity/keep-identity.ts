import { randomInt } from 'node:crypto'
import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { readTlsFiles, type TlsMaterial } from '@powernode/identity'
import { runTasks, type Logger } from '@powernode/process'
import { CertificateAuthorityService, type WatchTrustResponse } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { backoffMs } from '../client/backoff.ts'
import { createClient } from '../client/client.ts'
import { createBell, type Bell } from './bell.ts'
import { generationHeld, holdTrust } from './held-trust.ts'
import { renewCertificate } from './renew-certificate.ts'

export type KeepIdentityOptions = {
  /** The identity's files, which the servers and clients of this process follow too. */
  readonly dir: string
  /** Where peer-registry listens. */
  readonly address: { readonly host: string; readonly port: number }
  readonly trustDomain: string
  readonly clock: Clock
  readonly logger: Logger
  /** Told how each attempt to renew the certificate went: what it failed by, or undefined. */
  readonly onRenewal?: ((error: unknown) => void) | undefined
}

type Keeper = KeepIdentityOptions & {
  readonly authority: Client<typeof CertificateAuthorityService>
  readonly bell: Bell
  /** What the authority said last. */
  trust: WatchTrustResponse | undefined
}

/** Servers and clients look at their files every second; after this they use what is written now. */
const TAKEN_UP_AFTER_MS = 2_000
const RETRY = { firstMs: 1_000, maxMs: 30_000 }
const LOOK_AGAIN_MS = 60 * 60_000
/** Everybody hears of a new generation at once; they ask for their certificates spread over this time. */
const SPREAD_MS = 2_000

/**
 * Keeps a service's identity good for as long as the service runs: writes whom to trust as the authority says it, and
 * says so once it is in use; renews the certificate after two thirds of its life, or when the CA was replaced.
 *
 * Never fails: while peer-registry is away, what is held goes on being used, and the log says why there is nothing new.
 */
export async function keepIdentity(options: KeepIdentityOptions, signal: AbortSignal): Promise<void> {
  const { address, trustDomain, dir, clock, logger } = options
  const transport = { address, server: 'peer-registry', trustDomain, tlsDir: dir, clock, logger }
  const authority = createClient(CertificateAuthorityService, transport, signal)
  const keeper: Keeper = { ...options, authority, bell: createBell(clock), trust: undefined }
  await runTasks(signal, [(stop) => followTrust(keeper, stop), (stop) => renewInTime(keeper, stop)])
}

async function followTrust(keeper: Keeper, signal: AbortSignal): Promise<void> {
  const { authority, bell, dir, logger } = keeper
  await persistently({ ...keeper, task: 'following trust' }, signal, async (succeeded) => {
    for await (const trust of authority.watchTrust({}, { signal })) {
      succeeded()
      if (holdTrust(dir, trust))
        logger.info({ sequence: Number(trust.sequence), generation: trust.currentGeneration }, 'trust changed')
      keeper.trust = trust
      bell.ring()
      await keeper.clock.sleep(TAKEN_UP_AFTER_MS, signal)
      await report(keeper)
    }
  })
}

async function renewInTime(keeper: Keeper, signal: AbortSignal): Promise<void> {
  const { clock, bell, dir, authority, logger } = keeper
  await persistently(
    { ...keeper, task: 'renewing the certificate', onFailure: keeper.onRenewal },
    signal,
    async (succeeded) => {
      for (let due = dueAt(readTlsFiles(dir)); !signal.aborted; due = dueAt(readTlsFiles(dir))) {
        while (!signal.aborted && clock.now() < due && !isOutdated(keeper)) {
          await bell.wait(Math.min(due.getTime() - clock.now().getTime(), LOOK_AGAIN_MS), signal)
        }
        if (isOutdated(keeper)) await clock.sleep(randomInt(SPREAD_MS), signal)
        if (signal.aborted) return
        const { serial, notAfter } = await renewCertificate(dir, authority)
        succeeded()
        keeper.onRenewal?.(undefined)
        logger.info({ serial, expires_at: notAfter }, 'certificate renewed')
        await clock.sleep(TAKEN_UP_AFTER_MS, signal)
        await report(keeper)
      }
    },
  )
}

/** Tells the authority what we hold and use: a rotation waits for it. */
async function report({ authority, dir, trust }: Keeper): Promise<void> {
  if (trust)
    await authority.reportTrust({ sequence: trust.sequence, generation: generationHeld(readTlsFiles(dir), trust) })
}

function isOutdated({ dir, trust }: Keeper): boolean {
  return trust !== undefined && generationHeld(readTlsFiles(dir), trust) < trust.currentGeneration
}

/** After two thirds of the certificate's life, a little earlier for some than for others. */
function dueAt({ notBefore, notAfter }: TlsMaterial): Date {
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  const latestMs = Math.floor((lifeMs * 2) / 3)
  return new Date(notBefore.getTime() + latestMs - randomInt(Math.max(1, Math.floor(lifeMs / 20))))
}

/** Runs `work` again and again, with growing pauses while it fails, and says in the log why it does. */
async function persistently(
  {
    clock,
    logger,
    task,
    onFailure,
  }: Keeper & { readonly task: string; readonly onFailure?: KeepIdentityOptions['onRenewal'] },
  signal: AbortSignal,
  work: (succeeded: () => void) => Promise<void>,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      await work(() => (failures = 0))
    } catch (error) {
      if (signal.aborted) return
      onFailure?.(error)
      logger.warn({ task, error, attempt: failures + 1 }, 'keeping the identity failed; trying again')
    }
    await clock.sleep(backoffMs(failures++, RETRY), signal)
  }
}
