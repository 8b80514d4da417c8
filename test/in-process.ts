import { writeSync, openSync } from 'node:fs'
import { createLogger, type Logger } from '@powernode/process'
import { environmentOf, type Settings } from '@powernode/dev/environment'
import { logFile, type Layout } from '@powernode/dev/layout'
import type { ServiceName } from '@powernode/dev/services'

type Runnable = (env: Record<string, string>, signal: AbortSignal, outside: { logger: Logger }) => Promise<void>

/** Each service as its main.ts runs it, but in this process: a mesh of ten starts in a second. */
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
}

/** Starts a service in this process. Its log goes to the same file as that of a process of its own. */
export async function startInProcess(service: ServiceName, layout: Layout, settings: Settings) {
  const stopping = new AbortController()
  const run = await RUN[service]()
  const log = openSync(logFile(layout, service), 'a')
  const logger = createLogger(service, { destination: { write: (line) => void writeSync(log, line) } })
  const env = environmentOf(service, layout, settings)
  const exited = run(env, stopping.signal, { logger }).catch((error: unknown) => {
    logger.fatal({ error }, 'the service failed')
  })
  const stop = async () => {
    stopping.abort()
    await exited
  }
  return { pid: process.pid, exited, stop, kill: () => stopping.abort() }
}
