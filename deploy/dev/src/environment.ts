import { join } from 'node:path'
import { urlFor } from './database.ts'
import { dataDir, identityDir, postgresName, secretPath, type Layout } from './layout.ts'
import { SERVICES, type ServiceName } from './services.ts'

/** What a test or the demo wants otherwise than a platform has it by itself. */
export type Settings = {
  /** Lets peers be called at loopback addresses, where all of a laptop's platforms are. Never for a real platform. */
  readonly allowLoopback?: boolean
  /** Environment variables of a service that take the place of ours. */
  readonly env?: Partial<Readonly<Record<ServiceName, Readonly<Record<string, string>>>>>
}

/**
 * The environment of each service: the one place that knows the names of all their variables.
 *
 * A service is given what its config.ts asks for and no more; in particular only its own database password.
 */
export function environmentOf(service: ServiceName, layout: Layout, settings: Settings = {}): Record<string, string> {
  const { ports, trustDomain, site } = layout
  const { schema } = SERVICES[service]
  return {
    TRUST_DOMAIN: trustDomain,
    IDENTITY_DIR: identityDir(layout, service),
    [service === 'federation-gateway' ? 'INNER_LISTEN' : 'LISTEN']: addressOf(layout, service),
    METRICS_PORT: String(ports[`${service}-metrics`]),
    ...(schema === undefined ? {} : { DATABASE_URL: urlFor(layout, schema), NATS_URL: site.nats }),
    ...OWN[service](layout, settings),
    ...settings.env?.[service],
  }
}

const addressOf = ({ site, ports }: Layout, service: ServiceName) => `${site.host}:${ports[service]}`
const registry = (layout: Layout) => ({ PEER_REGISTRY_ADDRESS: addressOf(layout, 'peer-registry') })
const grants = (layout: Layout) => ({ GRANT_AUTHZ_ADDRESS: addressOf(layout, 'grant-authz') })
const ledger = (layout: Layout) => ({ AUDIT_LEDGER_ADDRESS: addressOf(layout, 'audit-ledger') })
const spawning = (layout: Layout) => ({ SPAWN_PROVISIONER_ADDRESS: addressOf(layout, 'spawn-provisioner') })
const network = (layout: Layout) => ({ SDWAN_COMPILER_ADDRESS: addressOf(layout, 'sdwan-compiler') })
const gateway = (layout: Layout) => ({ GATEWAY_ADDRESS: addressOf(layout, 'federation-gateway') })
const loopback = ({ allowLoopback = false }: Settings) => ({ ALLOW_LOOPBACK_PEERS: String(allowLoopback) })

const OWN: Readonly<Record<ServiceName, (layout: Layout, settings: Settings) => Record<string, string>>> = {
  'peer-registry': (layout) => ({
    ...gateway(layout),
    ...grants(layout),
    ...ledger(layout),
    ...spawning(layout),
    ...network(layout),
    LIVENESS_ADDRESS: addressOf(layout, 'liveness'),
    SEALING_KEY_FILE: secretPath(layout, 'sealing-key'),
    PLATFORM_NAME: layout.site.platformName,
    FEDERATION_ENDPOINTS: JSON.stringify(layout.site.endpoints),
    DISCLOSURE_CONTACT: layout.site.contact,
    DISCLOSURE_JURISDICTION: layout.site.jurisdiction,
    DISCLOSURE_PLATFORM_VERSION: layout.site.version,
    DISCLOSURE_RELEASE_TAG: `v${layout.site.version}`,
  }),
  'federation-gateway': (layout, settings) => ({
    ...registry(layout),
    ...grants(layout),
    ...ledger(layout),
    ...spawning(layout),
    ...network(layout),
    ...loopback(settings),
    LIVENESS_ADDRESS: addressOf(layout, 'liveness'),
    FEDERATION_LISTEN: `${layout.site.doorHost}:${layout.ports.door}`,
  }),
  liveness: (layout) => ({
    ...registry(layout),
    ...grants(layout),
    ...ledger(layout),
    ...spawning(layout),
    ...network(layout),
    ...gateway(layout),
  }),
  'audit-ledger': (layout) => ({
    ...registry(layout),
    ...grants(layout),
    ...gateway(layout),
    SEALING_KEY_FILE: secretPath(layout, 'ledger-sealing-key'),
    LEDGER_DIR: dataDir(layout, 'audit-ledger'),
    LEDGER_FILES: layout.site.ledgerFiles,
    TLOG_LISTEN: `${layout.site.tlogHost}:${layout.ports.tlog}`,
    ...(layout.site.witnessPolicyFile !== undefined && { WITNESS_POLICY_FILE: layout.site.witnessPolicyFile }),
  }),
  'grant-authz': (layout) => ({
    ...registry(layout),
    ...gateway(layout),
    ...ledger(layout),
    SEALING_KEY_FILE: secretPath(layout, 'grant-sealing-key'),
    OPERATOR_TOKEN_KEY_FILE: secretPath(layout, 'operator-token-key'),
  }),
  'spawn-provisioner': (layout) => ({
    ...registry(layout),
    ...grants(layout),
    SEALING_KEY_FILE: secretPath(layout, 'spawn-sealing-key'),
    STATE_DIR: dataDir(layout, 'spawn-provisioner'),
    CACHE_DIR: join(dataDir(layout, 'spawn-provisioner'), 'cache'),
    ...(layout.site.ownPostgres && {
      REPLICATION_PRIMARY: `${layout.site.host}:${layout.ports.postgres}`,
      REPLICATION_PRIMARY_NAME: postgresName(layout),
    }),
  }),
  'sdwan-compiler': (layout) => ({
    ...registry(layout),
    ...grants(layout),
    ...gateway(layout),
    SEALING_KEY_FILE: secretPath(layout, 'sdwan-sealing-key'),
  }),
}
