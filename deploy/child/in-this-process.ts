import { openSync, writeSync } from 'node:fs'
import { createLogger } from '@powernode/process'
import { loadServices, startInProcess } from '../dev/src/in-process.ts'
import type { startService } from '../dev/src/start-service.ts'
import type { AgentLife } from './agent.ts'

type Machine = { readonly startService: typeof startService; readonly agent: AgentLife }

/**
 * All services and the agent in one process: their code is read while Postgres starts, and each service has the processor for
 * itself until it listens. Side by side they would be no sooner ready, and on an emulated machine each would be late for the
 * answers of database and NATS that all of them wait for.
 */
export function inThisProcess(): Machine {
  const loaded = Promise.all([loadServices(), loadAgent()])
  loaded.catch(() => undefined) // told by the first service that waits for it
  let log: number | undefined
  return {
    async startService(service, layout, settings) {
      await loaded
      const listening = Promise.withResolvers<void>()
      const life = await startInProcess(service, layout, settings, { onListening: () => listening.resolve() })
      await Promise.race([listening.promise, life.exited])
      return life
    },
    async agent({ env, logFile }, signal) {
      const [{ configFrom }, { run }] = await loadAgent()
      const file = (log ??= openSync(logFile, 'a'))
      const logger = createLogger('node-agent', { destination: { write: (line) => void writeSync(file, line) } })
      try {
        return (await run(configFrom(env), signal, { logger })) === 'stopped' ? 'mishap' : 'chosen'
      } catch (error) {
        logger.fatal({ error }, 'the agent failed')
        return 'mishap'
      }
    },
  }
}

const loadAgent = () => Promise.all([import('@powernode/node-agent/config'), import('@powernode/node-agent/service')])
