import { readFileSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { createLogger, filePath, hostPort, main, readConfig } from '@powernode/process'
import { z } from 'zod'
import { followIdentity } from './follow-identity.ts'

const environment = z.object({
  IDENTITY_DIR: filePath.describe('the folder of the cert.pem, key.pem and roots.pem of the nats-server'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  NATS_PID_FILE: filePath.describe('the pid_file of nats.conf'),
})

await main(async (signal) => {
  const { IDENTITY_DIR, TRUST_DOMAIN, PEER_REGISTRY_ADDRESS, NATS_PID_FILE } = readConfig(environment, process.env)
  const logger = createLogger('nats-identity')
  const reload = () => {
    process.kill(Number(readFileSync(NATS_PID_FILE, 'utf8')), 'SIGHUP')
    logger.info({ task: 'nats identity' }, 'nats-server told to read its certificate')
  }
  const way = { dir: IDENTITY_DIR, trustDomain: TRUST_DOMAIN, registry: PEER_REGISTRY_ADDRESS }
  await followIdentity({ ...way, clock: systemClock, logger, reload }, signal)
})
