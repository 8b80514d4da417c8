import { durationMs, filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'
import { mirrorQuota, type MirrorQuota } from './mirror-quota.ts'

const mebibytes = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'is not a number of MiB')
  .transform(Number)

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
  PREVIOUS_SEALING_KEY_FILE: filePath.optional().describe('the one before: what it sealed is sealed anew at the start'),
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
  MIRROR_QUOTA_MB: mebibytes
    .default(10_240)
    .describe('how many MiB of our disk each peer fills at most with its log about us'),
  MIRROR_MB_PER_MINUTE: mebibytes.default(256).describe('how many MiB of that within a minute'),
  DOUBT_FOR: durationMs
    .default(10_000)
    .describe(
      'after the database was started anew: how long a log waits for its peer to say what it has seen, from when it could first be asked',
    ),
  ENTRIES_KEPT_FOR: durationMs
    .optional()
    .describe('after how long whole segments of entries may go that the peer holds; not said: they are kept for ever'),
  RECONCILE_EVERY: durationMs.default(86_400_000).describe('how often our log about a peer is compared with its own'),
})

type Address = { readonly host: string; readonly port: number }

export type FilesConfig = {
  readonly dir: string
  /** Nothing is appended while files cannot be written. */
  readonly required: boolean
  readonly sealIntervalMs: number
}

export type MirrorConfig = {
  readonly quota: MirrorQuota
  readonly doubtMs: number
  readonly reconcileEveryMs: number
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
  readonly sealingKey: { readonly file: string; readonly previousFile: string | undefined }
  readonly files: FilesConfig
  /** Undefined: entries are kept for ever. */
  readonly entriesKeptForMs: number | undefined
  readonly mirror: MirrorConfig
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
    sealingKey: { file: said.SEALING_KEY_FILE, previousFile: said.PREVIOUS_SEALING_KEY_FILE },
    entriesKeptForMs: said.ENTRIES_KEPT_FOR,
    files: {
      dir: said.LEDGER_DIR,
      required: said.LEDGER_FILES === 'required',
      sealIntervalMs: said.SEAL_INTERVAL,
    },
    mirror: {
      quota: mirrorQuota({ mebibytes: said.MIRROR_QUOTA_MB, mebibytesPerMinute: said.MIRROR_MB_PER_MINUTE }),
      doubtMs: said.DOUBT_FOR,
      reconcileEveryMs: said.RECONCILE_EVERY,
    },
    tlogListen: said.TLOG_LISTEN,
    witnessPolicyFile: said.WITNESS_POLICY_FILE,
  }
}
