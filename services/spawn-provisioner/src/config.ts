import { durationMs, filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'
import {
  REPLICATION_ENVIRONMENT,
  replicationConfigFrom,
  type ReplicationConfig,
} from './replication/replication-config.ts'

const DAY_MS = 86_400_000

const environment = z.object({
  ...REPLICATION_ENVIRONMENT,
  DATABASE_URL: secret.describe('postgres://spawn_provisioner:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  LISTEN: hostPort.describe('host:port to answer on'),
  METRICS_PORT: port.describe('the loopback port for Prometheus'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz'),
  SEALING_KEY_FILE: filePath.describe(
    'a file with 32 bytes in base64, mode 0600: seals the passwords of replicas of our database',
  ),
  PREVIOUS_SEALING_KEY_FILE: filePath.optional().describe('the one before: what it sealed is sealed anew at the start'),
  LOST_SEALING_KEY: z.string().regex(/^[0-9a-f]{8}$/).optional().describe('the id, as the log says it, of the one before if that is lost for good'), // prettier-ignore
  STATE_DIR: filePath.describe('where providers keep what they run, and where the record of a fence lies'),
  CACHE_DIR: filePath.describe('where images and fetched programs are kept, for all providers'),
  ENDS_WITH_PID: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('the process with whose end every local instance ends: the launcher of a demo. Without it they live on'),
  MAX_CHILDREN: z.coerce.number().int().min(0).max(100_000).default(50).describe('how many children may live at once'),
  BOOT_DEADLINE: durationMs
    .refine((ms) => ms >= 60_000 && ms <= 7 * DAY_MS, 'is not between 1m and 7d')
    .default(3_600_000)
    .describe('how long a child may take to speak, however much its provider reports; 60m unless said otherwise'),
  PATH: z.string().default('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'),
  HOME: z.string().default('/'),
  LANG: z.string().default('C.UTF-8'),
  PROVIDER_KINDS: z
    .string()
    .transform((text) => text.split(',').map((kind) => kind.trim()))
    .default(['process', 'qemu'])
    .describe('which kinds of providers may run on this host, separated by commas'),
})

type Address = { readonly host: string; readonly port: number }

export type Config = {
  readonly databaseUrl: Secret
  readonly natsUrl: string
  readonly identityDir: string
  readonly trustDomain: string
  readonly listen: Address
  readonly metricsPort: number
  readonly peerRegistryAddress: Address
  readonly grantAuthzAddress: Address
  readonly sealingKey: {
    readonly file: string
    readonly previousFile: string | undefined
    readonly lost?: string | undefined
  }
  readonly stateDir: string
  readonly cacheDir: string
  readonly endsWithPid: number | undefined
  readonly maxChildren: number
  readonly bootDeadlineMs: number
  readonly providerKinds: readonly string[]
  readonly replication: ReplicationConfig
  /** What of our environment children on this host are handed. Never the way to our database. */
  readonly childEnvironment: Readonly<Record<string, string>>
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
    sealingKey: {
      file: said.SEALING_KEY_FILE,
      previousFile: said.PREVIOUS_SEALING_KEY_FILE,
      lost: said.LOST_SEALING_KEY,
    },
    stateDir: said.STATE_DIR,
    cacheDir: said.CACHE_DIR,
    endsWithPid: said.ENDS_WITH_PID,
    maxChildren: said.MAX_CHILDREN,
    bootDeadlineMs: said.BOOT_DEADLINE,
    providerKinds: said.PROVIDER_KINDS,
    replication: replicationConfigFrom(said),
    childEnvironment: { PATH: said.PATH, HOME: said.HOME, LANG: said.LANG },
  }
}
