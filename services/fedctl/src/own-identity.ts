import { readTlsFiles, type TlsMaterial } from '@powernode/identity'
import type { Clock } from '@powernode/clock'
import { generationHeld, holdTrust, renewCertificate } from '@powernode/rpc'
import type { Clients } from './client.ts'
import type { Context } from './context.ts'

/** How long a command that is done waits for word of whom to trust. */
const PATIENCE_MS = 1_000

type Following = {
  /** Resolves once what is held is what the platform says, or when there is no hearing it. */
  finish(): Promise<void>
}

/**
 * Keeps the operator's identity good while a command runs: new roots and revocation lists as the platform publishes
 * them, and a new certificate after two thirds of its life or when the CA was replaced.
 *
 * fedctl runs now and then, so every run does it: an operator who looked in between the steps of a rotation is not shut
 * out by it. What cannot be written (another user's folder) or heard (no registry) is no reason to fail a command.
 */
export function followTrust(context: Context, clients: Clients, clock: Clock): Following {
  const done = new AbortController()
  const { promise: heard, resolve } = Promise.withResolvers<void>()
  const following = (async () => {
    const { authority } = clients
    for await (const trust of authority.watchTrust({}, { signal: done.signal })) {
      holdTrust(context.identityDir, trust)
      const held = readTlsFiles(context.identityDir)
      if (isDue(held, clock.now()) || generationHeld(held, trust) < trust.currentGeneration)
        await renewCertificate(context.identityDir, authority)
      resolve()
    }
  })()
  const ended = following.catch(() => undefined).finally(resolve)
  return {
    async finish() {
      await Promise.race([heard, clock.sleep(PATIENCE_MS, done.signal)])
      done.abort()
      await ended
    },
  }
}

function isDue({ notBefore, notAfter }: TlsMaterial, now: Date): boolean {
  return now.getTime() > notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3
}
