import { workerData } from 'node:worker_threads'
import { systemClock } from '@powernode/clock'
import { createMetrics } from '@powernode/process'
import { configFrom } from '../../../services/federation-gateway/src/config.ts'
import { run } from '../../../services/federation-gateway/src/service.ts'
import { LOGGER } from '../own-server.ts'
import { answerUntilStopped } from './measured-thread.ts'
import type { Around } from './neighbours.ts'

/** A gateway as it runs in production; its limit on calls is not what is measured. */
const { dirs, ports } = workerData as Around // as federated-call.ts gives it
const at = (port: number) => `127.0.0.1:${port}`
const config = configFrom({
  FEDERATION_LISTEN: at(0),
  INNER_LISTEN: at(0),
  PEER_REGISTRY_ADDRESS: at(ports.registry),
  LIVENESS_ADDRESS: at(ports.liveness),
  GRANT_AUTHZ_ADDRESS: at(ports.grants),
  AUDIT_LEDGER_ADDRESS: at(ports.ledger),
  SPAWN_PROVISIONER_ADDRESS: at(0), // nothing that is asked here concerns a child
  SDWAN_COMPILER_ADDRESS: at(0), // nor a network
  IDENTITY_DIR: dirs.gateway,
  TRUST_DOMAIN: 'a.example',
  METRICS_PORT: '0',
  MAX_CALLS_PER_PEER: '100000000',
  MAX_STREAMS_PER_CONNECTION: '256',
})
const stopping = new AbortController()
const listening = Promise.withResolvers<number>()
const ended = run(config, stopping.signal, {
  clock: systemClock,
  logger: LOGGER,
  metrics: createMetrics('federation-gateway'),
  onListening: ({ door }) => door !== undefined && listening.resolve(door),
})
ended.catch(listening.reject)
await answerUntilStopped({ port: await listening.promise })
stopping.abort()
await ended
process.exit()
