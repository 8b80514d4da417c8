import { writeSync, openSync } from 'node:fs'
import { createLogger, type Logger } from '@powernode/process'
import { environmentOf, type Settings } from './environment.ts'
import { logFile, type Layout } from './layout.ts'
import type { ServiceName } from './services.ts'

type Outside = { readonly logger: Logger; readonly onListening?: () => void }
type Runnable = (env: Record<string, string>, signal: AbortSignal, outside: Outside) => Promise<void>

/** Each service as its main.ts runs it, but in this process: a child platform, or a mesh of ten, starts in a second. */
const RUN: Readonly<Record<ServiceName, () => Promise<Runnable>>> = {
  'peer-registry': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/peer-registry/config'),
      import('@powernode/peer-registry/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  'federation-gateway': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/federation-gateway/config'),
      import('@powernode/federation-gateway/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  liveness: async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/liveness/config'),
      import('@powernode/liveness/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  'audit-ledger': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/audit-ledger/config'),
      import('@powernode/audit-ledger/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  'grant-authz': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/grant-authz/config'),
      import('@powernode/grant-authz/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  'spawn-provisioner': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/spawn-provisioner/config'),
      import('@powernode/spawn-provisioner/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
  'sdwan-compiler': async () => {
    const [{ configFrom }, { run }] = await Promise.all([
      import('@powernode/sdwan-compiler/config'),
      import('@powernode/sdwan-compiler/service'),
    ])
    return (env, signal, outside) => run(configFrom(env), signal, outside)
  },
}

/** Reads the code of every service, which is most of what their start costs and needs nobody: neither database nor NATS. */
export const loadServices = async (): Promise<void> =>
  void (await Promise.all(Object.values(RUN).map((load) => load())))

/** Starts a service in this process. Its log goes to the same file as that of a process of its own. */
export async function startInProcess(
  service: ServiceName,
  layout: Layout,
  settings: Settings,
  listening: Pick<Outside, 'onListening'> = {},
) {
  const stopping = new AbortController()
  const run = await RUN[service]()
  const log = openSync(logFile(layout, service), 'a')
  const logger = createLogger(service, { destination: { write: (line) => void writeSync(log, line) } })
  const env = environmentOf(service, layout, settings)
  const exited = run(env, stopping.signal, { logger, ...listening }).catch((error: unknown) => {
    logger.fatal({ error }, 'the service failed')
  })
  const stop = async () => {
    stopping.abort()
    await exited
  }
  return { pid: process.pid, exited, stop, kill: () => stopping.abort() }
}
