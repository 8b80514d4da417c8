import { appendFileSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { followIdentity } from '../../nats/follow-identity.ts'
import { identityDir, logFile, type Layout } from './layout.ts'

type Server = {
  readonly name: 'nats' | 'postgres'
  /** Has it read its certificate anew. */
  readonly reload: () => void
}

/**
 * Renews the certificate of a server that is no program of ours, for as long as the platform runs. Its log is a file beside
 * the services'.
 */
export async function keepServerIdentity(layout: Layout, { name, reload }: Server, signal: AbortSignal): Promise<void> {
  const file = logFile(layout, `${name}-identity`)
  const logger = createLogger(`${name}-identity`, { destination: { write: (line) => appendFileSync(file, line) } })
  const registry = { host: layout.site.host, port: layout.ports['peer-registry'] }
  const way = { dir: identityDir(layout, name), trustDomain: layout.trustDomain, registry }
  try {
    await followIdentity({ ...way, clock: systemClock, logger, reload }, signal)
  } catch (error) {
    // The platform runs on with the certificate it has; the next start tries again.
    logger.error({ task: `${name} identity`, error }, 'its certificate is no longer renewed')
  }
}
