import { feedLease } from '@powernode/feed'
import { durationMs, filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'
import { DAY_MS } from './invitation.ts'
import { mostPatience } from './peer.ts'
import type { Lifetimes, Self } from './platform.ts'
import { checkPeerUrl, peerUrlProblem } from './url.ts'
import { partsOf } from './version.ts'

const word = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is not a lower-case word')
const words = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(word))
const version = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'is not a version number')
  .transform(Number)

const endpoint = z.object({
  url: z.string().transform((text, context) => {
    const problem = peerUrlProblem(text)
    if (problem === undefined) return checkPeerUrl(text)
    context.addIssue(problem)
    return z.NEVER
  }),
  scope: z.enum(['lan', 'sdwan', 'wan']).default('wan'),
  priority: z.number().int().min(0).max(65_535).default(0),
  cidr_hint: z.string().max(64).default(''),
})

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue('is not JSON')
    return z.NEVER
  }
})

const environment = z.object({
  DATABASE_URL: secret.describe('postgres://peer_registry:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  LISTEN: hostPort,
  METRICS_PORT: port,
  GATEWAY_ADDRESS: hostPort.describe('host:port of the inner side of federation-gateway'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz, which knows the operators'),
  AUDIT_LEDGER_ADDRESS: hostPort.describe('host:port of audit-ledger, which finds forks'),
  SPAWN_PROVISIONER_ADDRESS: hostPort.describe('host:port of spawn-provisioner, which knows the children we made'),
  SDWAN_COMPILER_ADDRESS: hostPort.describe('host:port of sdwan-compiler, which knows the networks peers are let onto'),
  LIVENESS_ADDRESS: hostPort.describe('host:port of liveness, which looks at a peer that was accepted'),
  AUDIT_FORK_POLICY: z
    .enum(['suspend', 'alert'])
    .default('suspend')
    .describe('what becomes of a peer whose ledger contradicts itself: suspend, or alert and nothing more'),
  SEALING_KEY_FILE: filePath.optional().describe('a file with 32 bytes in base64, mode 0600'),
  SEALING_KEY: secret.optional().describe('32 bytes in base64, when there is no file'),
  PREVIOUS_SEALING_KEY_FILE: filePath.optional(),
  PLATFORM_NAME: z.string().min(1).max(128).describe('the name other operators read'),
  FEDERATION_ENDPOINTS: json
    .pipe(z.array(endpoint).min(1).max(10))
    .describe('a JSON list such as [{"url":"https://federation.example.org:8443","scope":"wan","priority":0}]'),
  DISCLOSURE_CONTACT: z.string().max(256).default('').describe('how to reach whoever runs this platform'),
  DISCLOSURE_JURISDICTION: z.string().max(64).default(''),
  DISCLOSURE_PLATFORM_VERSION: z
    .string()
    .max(64)
    .refine((said) => said === '' || partsOf(said) !== undefined, 'is no version such as 1.4.0')
    .default('')
    .describe('with what is no version, no peer of ours would be compatible any more'),
  DISCLOSURE_RELEASE_TAG: z.string().max(64).default(''),
  CONTRACT_MIN: version.default(1),
  CONTRACT_MAX: version.default(1),
  CONTRACT_FEATURES: words.default([]),
  CAPABILITIES: json.pipe(z.record(z.string(), z.unknown())).default({}),
  EXTENSION_SLUGS: words.default([]),
  PREFIX_ADVERTISEMENT: z
    .string()
    .regex(/^fd[0-9a-f:]+::\/(48|56|64)$/, 'is not a /48, /56 or /64 ULA prefix')
    .default(''),
  DATA_RESIDENCY: z.string().max(64).default(''),
  FEED_LEASE: feedLease,
  HEARTBEAT_INTERVAL: durationMs.default(60_000),
  STALE_AFTER: durationMs.default(300_000),
  STALE_AFTER_MOST: durationMs
    .refine((ms) => ms <= 86_400_000, 'is longer than 24h')
    .optional()
    .describe(
      'the longest silence that is agreed to with a peer that wants more, 24h at most; 12 times STALE_AFTER unless said otherwise',
    ),
  SERVICE_CERTIFICATE_LIFE: durationMs.default(7 * DAY_MS),
  OPERATOR_CERTIFICATE_LIFE: durationMs.default(90 * DAY_MS),
  PEER_CERTIFICATE_LIFE: durationMs.default(90 * DAY_MS),
})

export type Config = {
  readonly databaseUrl: Secret
  readonly natsUrl: string
  readonly identityDir: string
  readonly trustDomain: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly metricsPort: number
  readonly gatewayAddress: { readonly host: string; readonly port: number }
  readonly grantAuthzAddress: { readonly host: string; readonly port: number }
  readonly auditLedgerAddress: { readonly host: string; readonly port: number }
  readonly spawnProvisionerAddress: { readonly host: string; readonly port: number }
  readonly sdwanCompilerAddress: { readonly host: string; readonly port: number }
  readonly livenessAddress: { readonly host: string; readonly port: number }
  readonly forkPolicy: 'suspend' | 'alert'
  readonly feedLeaseMs: number
  readonly sealingKey: SealingKeyConfig
  readonly self: Self
  readonly lifetimes: Lifetimes
}

export type SealingKeyConfig = {
  readonly file: string | undefined
  readonly value: Secret | undefined
  readonly previousFile: string | undefined
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
    gatewayAddress: said.GATEWAY_ADDRESS,
    grantAuthzAddress: said.GRANT_AUTHZ_ADDRESS,
    auditLedgerAddress: said.AUDIT_LEDGER_ADDRESS,
    spawnProvisionerAddress: said.SPAWN_PROVISIONER_ADDRESS,
    sdwanCompilerAddress: said.SDWAN_COMPILER_ADDRESS,
    livenessAddress: said.LIVENESS_ADDRESS,
    forkPolicy: said.AUDIT_FORK_POLICY,
    feedLeaseMs: said.FEED_LEASE,
    sealingKey: {
      file: said.SEALING_KEY_FILE,
      value: said.SEALING_KEY,
      previousFile: said.PREVIOUS_SEALING_KEY_FILE,
    },
    self: selfFrom(said),
    lifetimes: {
      serviceMs: said.SERVICE_CERTIFICATE_LIFE,
      operatorMs: said.OPERATOR_CERTIFICATE_LIFE,
      peerMs: said.PEER_CERTIFICATE_LIFE,
    },
  }
}

function selfFrom(said: z.infer<typeof environment>): Self {
  return {
    name: said.PLATFORM_NAME,
    disclosure: {
      contact: said.DISCLOSURE_CONTACT,
      jurisdiction: said.DISCLOSURE_JURISDICTION,
      platformVersion: said.DISCLOSURE_PLATFORM_VERSION,
      releaseTag: said.DISCLOSURE_RELEASE_TAG,
    },
    endpoints: said.FEDERATION_ENDPOINTS.map(({ cidr_hint: cidrHint, ...rest }) => ({ ...rest, cidrHint })),
    capabilities: said.CAPABILITIES,
    extensionSlugs: said.EXTENSION_SLUGS,
    prefixAdvertisement: said.PREFIX_ADVERTISEMENT,
    dataResidency: said.DATA_RESIDENCY,
    window: { min: said.CONTRACT_MIN, max: said.CONTRACT_MAX, features: said.CONTRACT_FEATURES },
    timers: {
      heartbeatIntervalMs: said.HEARTBEAT_INTERVAL,
      staleAfterMs: said.STALE_AFTER,
      staleAfterMostMs: Math.max(said.STALE_AFTER, said.STALE_AFTER_MOST ?? mostPatience(said.STALE_AFTER)),
    },
  }
}
