import { fileURLToPath } from 'node:url'
import { feedLease } from '@powernode/feed'
import { filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'

const INVENTORY = fileURLToPath(new URL('../inventory/federation_inventory.yaml', import.meta.url))

const algorithms = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(z.enum(['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256'])).min(1))

const environment = z.object({
  DATABASE_URL: secret.describe('postgres://grant_authz:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  LISTEN: hostPort.describe('host:port to answer on'),
  METRICS_PORT: port.describe('the loopback port for Prometheus'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GATEWAY_ADDRESS: hostPort.describe('host:port of the inner side of federation-gateway'),
  AUDIT_LEDGER_ADDRESS: hostPort.describe('host:port of audit-ledger'),
  OWN_ADDRESS: hostPort
    .optional()
    .describe('host:port under which the gateway reaches us; LISTEN unless said otherwise'),
  SEALING_KEY_FILE: filePath.describe(
    'a file with 32 bytes in base64, mode 0600: seals the bearers of received grants',
  ),
  PREVIOUS_SEALING_KEY_FILE: filePath.optional().describe('the one before: what it sealed is sealed anew at the start'),
  LOST_SEALING_KEY: z.string().regex(/^[0-9a-f]{8}$/).optional().describe('the id, as the log says it, of the one before if that is lost for good'), // prettier-ignore
  OPERATOR_TOKEN_KEY_FILE: filePath.describe(
    'a file with an Ed25519 key (PKCS #8 PEM), mode 0600: signs operator tokens',
  ),
  FIRST_OPERATOR: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/, 'is not the name of an operator')
    .default('admin')
    .describe('who is made admin while there is no operator at all'),
  FEED_LEASE: feedLease,
  INVENTORY_FILE: filePath.default(INVENTORY).describe('which kinds of resources peers may be shown'),
  HOME_REGION: z
    .string()
    .regex(/^([a-z0-9][a-z0-9-]{0,63})?$/, 'is not the name of a region')
    .default('')
    .describe('where our own data is, when the platform starts for the first time'),
  OIDC_ISSUER: z
    .url({ protocol: /^https$/ })
    .optional()
    .describe('an OpenID Connect issuer whose tokens operators may use'),
  OIDC_AUDIENCE: z.string().min(1).optional().describe('the audience its tokens have to name'),
  OIDC_ALGORITHMS: algorithms.default(['ES256', 'EdDSA']).describe('signature algorithms, separated by commas'),
})

type Address = { readonly host: string; readonly port: number }

export type OidcConfig = { readonly issuer: string; readonly audience: string; readonly algorithms: readonly string[] }

export type Config = {
  readonly databaseUrl: Secret
  readonly natsUrl: string
  readonly identityDir: string
  readonly trustDomain: string
  readonly listen: Address
  readonly metricsPort: number
  readonly peerRegistryAddress: Address
  readonly gatewayAddress: Address
  readonly auditLedgerAddress: Address
  readonly ownAddress: Address
  readonly sealingKey: {
    readonly file: string
    readonly previousFile: string | undefined
    readonly lost?: string | undefined
  }
  readonly operatorTokenKeyFile: string
  readonly firstOperator: string
  readonly feedLeaseMs: number
  readonly inventoryFile: string
  readonly homeRegion: string
  readonly oidc: OidcConfig | undefined
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
    gatewayAddress: said.GATEWAY_ADDRESS,
    auditLedgerAddress: said.AUDIT_LEDGER_ADDRESS,
    ownAddress: said.OWN_ADDRESS ?? said.LISTEN,
    sealingKey: {
      file: said.SEALING_KEY_FILE,
      previousFile: said.PREVIOUS_SEALING_KEY_FILE,
      lost: said.LOST_SEALING_KEY,
    },
    operatorTokenKeyFile: said.OPERATOR_TOKEN_KEY_FILE,
    firstOperator: said.FIRST_OPERATOR,
    feedLeaseMs: said.FEED_LEASE,
    inventoryFile: said.INVENTORY_FILE,
    homeRegion: said.HOME_REGION,
    oidc: oidcFrom(said),
  }
}

/** An issuer without an audience would let in a token that was made for somebody else. */
function oidcFrom(said: z.infer<typeof environment>): OidcConfig | undefined {
  if (said.OIDC_ISSUER === undefined) return undefined
  if (said.OIDC_AUDIENCE === undefined)
    throw new Error('OIDC_ISSUER is set and OIDC_AUDIENCE is not: say for whom its tokens are')
  return { issuer: said.OIDC_ISSUER, audience: said.OIDC_AUDIENCE, algorithms: said.OIDC_ALGORITHMS }
}
