import { filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'

const environment = z.object({
  DATABASE_URL: secret.describe('postgres://sdwan_compiler:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform: prefixes and AS number are derived from it'),
  LISTEN: hostPort.describe('host:port to answer on'),
  NODES_LISTEN: hostPort.optional().describe('host:port where nodes are answered, if they cannot reach LISTEN'),
  METRICS_PORT: port.describe('the loopback port for Prometheus'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz'),
  GATEWAY_ADDRESS: hostPort.describe(
    'host:port of federation-gateway, over which peers are told of our end of a tunnel',
  ),
  SEALING_KEY_FILE: filePath.describe(
    'a file with 32 bytes in base64, mode 0600: seals what preshared keys are derived from',
  ),
  PREVIOUS_SEALING_KEY_FILE: filePath.optional().describe('the one before: what it sealed is sealed anew at the start'),
  LOST_SEALING_KEY: z.string().regex(/^[0-9a-f]{8}$/).optional().describe('the id, as the log says it, of the one before if that is lost for good'), // prettier-ignore
})

type Address = { readonly host: string; readonly port: number }

export type Config = {
  readonly databaseUrl: Secret
  readonly natsUrl: string
  readonly identityDir: string
  readonly trustDomain: string
  readonly listen: Address
  readonly nodesListen: Address | undefined
  readonly metricsPort: number
  readonly peerRegistryAddress: Address
  readonly grantAuthzAddress: Address
  readonly gatewayAddress: Address
  readonly sealingKey: {
    readonly file: string
    readonly previousFile: string | undefined
    readonly lost?: string | undefined
  }
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
    nodesListen: said.NODES_LISTEN,
    metricsPort: said.METRICS_PORT,
    peerRegistryAddress: said.PEER_REGISTRY_ADDRESS,
    grantAuthzAddress: said.GRANT_AUTHZ_ADDRESS,
    gatewayAddress: said.GATEWAY_ADDRESS,
    sealingKey: {
      file: said.SEALING_KEY_FILE,
      previousFile: said.PREVIOUS_SEALING_KEY_FILE,
      lost: said.LOST_SEALING_KEY,
    },
  }
}
