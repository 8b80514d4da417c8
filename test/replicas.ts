import { freePort } from '@powernode/dev/free-port'
import type { ServiceName } from '@powernode/dev/services'
import { startService } from '@powernode/dev/start-service'
import { startInProcess } from './in-process.ts'
import type { TestPlatform } from './mesh.ts'

/** One more instance of a service of a platform, on ports of its own, with the same identity and the same database. */
export type Replica = {
  /** Where it is called: the inner side of a gateway. */
  readonly port: number
  /** Where peers call it; only a gateway has one. */
  readonly doorPort: number
  /** Kill -9 when it is a process; it does not come back by itself. */
  readonly kill: () => void
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

type Life = { readonly kill: () => void; readonly stop: () => Promise<void> }

/** Starts a replica; `env` says what differs, for example where it finds its neighbours. */
export async function startReplica(
  of: TestPlatform,
  service: ServiceName,
  { env = {}, process = false }: { env?: Readonly<Record<string, string>>; process?: boolean } = {},
): Promise<Replica> {
  const [port, doorPort, metricsPort] = [await freePort(), await freePort(), await freePort()]
  const own =
    service === 'federation-gateway'
      ? { FEDERATION_LISTEN: `127.0.0.1:${doorPort}`, INNER_LISTEN: `127.0.0.1:${port}` }
      : { LISTEN: `127.0.0.1:${port}` }
  const settings = {
    allowLoopback: true,
    env: { [service]: { ...own, METRICS_PORT: String(metricsPort), ...env } },
  }
  const launch = process ? startService : startInProcess
  let life: Life | undefined
  const start = async () => void (life ??= await launch(service, of.platform, settings))
  const stop = async () => {
    await life?.stop()
    life = undefined
  }
  await start()
  return {
    port,
    doorPort,
    start,
    stop,
    kill: () => {
      life?.kill()
      life = undefined
    },
  }
}
