import { join } from 'node:path'
import type { Client } from '@connectrpc/connect'
import { backoffMs, type Clock } from '@powernode/clock'
import {
  createCsr,
  pemToDer,
  readTlsFiles,
  signRenewal,
  tlsContentOf,
  TlsFilesBroken,
  writeTlsFiles,
  type TlsMaterial,
} from '@powernode/identity'
import type { Logger } from '@powernode/process'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { checkCertified } from './ask-certificate.ts'
import { whyNot } from './patience.ts'
import type { Progress } from './progress.ts'
import { syncFolder } from './write-durably.ts'

export type KeepDeps = {
  readonly federation: Pick<Client<typeof FederationService>, 'enrollNode'>
  readonly progress: Progress
  readonly clock: Clock
  readonly logger: Logger
  readonly stateDir: string
}

const LOOK_EVERY_MS = 3_600_000
const AGAIN = { firstMs: 60_000, mostMs: LOOK_EVERY_MS }
const ANSWERS_WITHIN_MS = 15_000

/**
 * Keeps the certificate that the parent gave this node in force: from the half of its life on another one is asked for, by
 * the one that is held and for a key that is made here. Whoever puts files there by hand is followed.
 *
 * One that is over buys nothing. The node cannot help itself then, and MUST say who can, and how.
 */
export async function keepCertificate(deps: KeepDeps, peerId: string, signal: AbortSignal): Promise<void> {
  const { clock, progress, logger, stateDir } = deps
  const dir = join(stateDir, 'instance')
  for (let failures = 0; !signal.aborted;) {
    let waitMs = LOOK_EVERY_MS
    try {
      const held = readTlsFiles(dir)
      const now = clock.now()
      if (now >= held.notAfter) progress.say(over(held, dir))
      else if (now < dueAt(held)) waitMs = Math.min(LOOK_EVERY_MS, dueAt(held).getTime() - now.getTime())
      else {
        const { notAfter, serial } = await renew(deps, { dir, held, peerId }, signal)
        logger.info({ serial, expires_at: notAfter }, 'the certificate of this node is renewed')
        if (failures > 0) progress.say(`the certificate of this node is renewed, until ${notAfter.toISOString()}`)
        waitMs = 0
      }
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      const why = error instanceof TlsFilesBroken ? error.message : whyNot(error)
      progress.say(`the certificate of this node could not be renewed, and is asked for again: ${why}`)
      waitMs = backoffMs(Math.min(failures, 10), AGAIN)
    }
    await clock.sleep(waitMs, signal)
  }
}

const over = ({ spiffeId, notAfter }: TlsMaterial, dir: string): string =>
  `the certificate of this node ran out at ${notAfter.toISOString()}; an operator of the parent must act: ` +
  `fedctl cert issue ${spiffeId.name} --kind instance --out <folder>, and put its files into ${dir}`

/** The half of its life; a little later for some than for others, so that those who began together do not ask together. */
function dueAt({ notBefore, notAfter, serial }: TlsMaterial): Date {
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  return new Date(notBefore.getTime() + lifeMs / 2 + spreadOf(serial, Math.floor(lifeMs / 20)))
}

/** Drawn once for each certificate: by its own number, which is random. */
const spreadOf = (serial: string, mostMs: number): number =>
  mostMs < 1 ? 0 : Number(BigInt(`0x${serial || '0'}`) % BigInt(mostMs))

type Renewing = { readonly dir: string; readonly held: TlsMaterial; readonly peerId: string }

async function renew(
  { federation, stateDir }: KeepDeps,
  { dir, held, peerId }: Renewing,
  signal: AbortSignal,
): Promise<TlsMaterial> {
  const { csrDer, privateKeyPkcs8Der } = await createCsr()
  const { certificateChain: chain } = await federation.enrollNode(
    { csrDer, renewal: signRenewal(held, csrDer) },
    { headers: { 'powernode-peer-id': peerId }, signal, timeoutMs: ANSWERS_WITHIN_MS },
  )
  const roots = pemToDer(held.ca, 'CERTIFICATE')
  const isOurs = (root: Uint8Array) => roots.some((known) => known.equals(root))
  checkCertified(chain, { privateKeyPkcs8Der, subject: held.spiffeId.name, isOurs })
  const renewed = writeTlsFiles(dir, tlsContentOf({ chain, privateKeyPkcs8Der, roots }))
  await syncFolder(stateDir)
  return renewed
}
