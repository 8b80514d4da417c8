import type { Clock } from '@powernode/clock'
import { watchTlsFiles } from '@powernode/identity'
import { runTasks, type Logger } from '@powernode/process'
import { keepIdentity } from '@powernode/rpc'

type Following = {
  /** The directory of the nats-server's certificate. */
  readonly dir: string
  readonly trustDomain: string
  /** Where peer-registry listens. */
  readonly registry: { readonly host: string; readonly port: number }
  readonly clock: Clock
  readonly logger: Logger
  /** Has the server read its files anew (SIGHUP). */
  readonly reload: () => void
}

/**
 * Renews the nats-server's certificate and has the server read what changed, as the services do for themselves.
 *
 * The server cannot do it: it knows files only. Connections stay; new ones see the new certificate and roots.
 */
export async function followIdentity(following: Following, signal: AbortSignal): Promise<void> {
  const { dir, trustDomain, registry, clock, logger, reload } = following
  let first = true
  await runTasks(signal, [
    (stop) => keepIdentity({ dir, address: registry, trustDomain, clock, logger }, stop),
    (stop) =>
      watchTlsFiles(
        {
          dir,
          clock,
          onChange: () => {
            if (!first) reload()
            first = false
          },
          onBroken: (error) =>
            logger.error({ task: 'nats identity', error }, 'the server keeps its last good certificate'),
        },
        stop,
      ),
  ])
}
