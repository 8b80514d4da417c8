import { durationMs, filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'

const environment = z.object({
  DATABASE_URL: secret.describe('postgres://audit_ledger:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  LISTEN: hostPort.describe('host:port to answer on'),
  METRICS_PORT: port.describe('the loopback port for Prometheus'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz, which knows the operators'),
  GATEWAY_ADDRESS: hostPort.describe('host:port of the inner side of federation-gateway'),
  SEALING_KEY_FILE: filePath.describe('a file with 32 bytes in base64, mode 0600: seals the keys that sign the logs'),
  LEDGER_DIR: filePath.describe('a folder of its own, where the logs are written to as files'),
  LEDGER_FILES: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('required: nothing is appended while files cannot be written'),
  SEAL_INTERVAL: durationMs.default(300_000).describe('how often what fills no file yet is written all the same'),
  TLOG_LISTEN: hostPort.describe('host:port to show logs at over HTTPS, and to witness those of others'),
  WITNESS_POLICY_FILE: filePath
    .optional()
    .describe('which witnesses have to stand under a checkpoint (C2SP tlog-policy)'),
})

type Address = { readonly host: string; readonly port: number }

export type FilesConfig = {
  readonly dir: string
  /** Nothing is appended while files cannot be written. */
  readonly required: boolean
  readonly sealIntervalMs: number
}

export type Config = {
  readonly databaseUrl: Secret
  readonly natsUrl: string
  readonly identityDir: string
  readonly trustDomain: string
  readonly listen: Address
  readonly metricsPort: number
  readonly peerRegistryAddress: Address
  readonly grantAuthzAddress: Address
  readonly gatewayAddress: Address
  readonly sealingKeyFile: string
  readonly files: FilesConfig
  /** Where logs are shown over HTTPS. */
  readonly tlogListen: Address
  readonly witnessPolicyFile: string | undefined
}

/** Reads what the process is told, or reports all that is wrong with it. */
export function configFrom(env: Readonly<Record<string, string | undefined>>): Config {
  const said = readConfig(environment, env)
  return {
    databaseUrl: said.DATABASE_URL,
    natsUrl: said.NATS_URL,
    identityDir: said.IDENTITY_DIR,
    trustDomain: said.TRUST_DOMAIN,
    listen: said.LISTEN,
    metricsPort: said.METRICS_PORT,
    peerRegistryAddress: said.PEER_REGISTRY_ADDRESS,
    grantAuthzAddress: said.GRANT_AUTHZ_ADDRESS,
    gatewayAddress: said.GATEWAY_ADDRESS,
    sealingKeyFile: said.SEALING_KEY_FILE,
    files: {
      dir: said.LEDGER_DIR,
      required: said.LEDGER_FILES === 'required',
      sealIntervalMs: said.SEAL_INTERVAL,
    },
    tlogListen: said.TLOG_LISTEN,
    witnessPolicyFile: said.WITNESS_POLICY_FILE,
  }
}
