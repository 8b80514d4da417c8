import { appendFileSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { followIdentity } from '../../nats/follow-identity.ts'
import { identityDir, logFile, type Layout } from './layout.ts'

/** Renews the certificate of a platform's NATS for as long as the platform runs. Its log is a file beside the services'. */
export async function keepNatsIdentity(layout: Layout, reload: () => void, signal: AbortSignal): Promise<void> {
  const file = logFile(layout, 'nats-identity')
  const logger = createLogger('nats-identity', { destination: { write: (line) => appendFileSync(file, line) } })
  const registry = { host: layout.site.host, port: layout.ports['peer-registry'] }
  const way = { dir: identityDir(layout, 'nats'), trustDomain: layout.trustDomain, registry }
  try {
    await followIdentity({ ...way, clock: systemClock, logger, reload }, signal)
  } catch (error) {
    // The platform runs on with the certificate it has; the next start tries again.
    logger.error({ task: 'nats identity', error }, 'the certificate of NATS is no longer renewed')
  }
}
