import { FW_CFG_ROOT, PAYLOAD_FILE, type Places } from '@powernode/payload'
import { filePath, hostPort, port, readConfig } from '@powernode/process'
import { z } from 'zod'
import { REPLICA_ENVIRONMENT, replicaConfigFrom, type ReplicaConfig } from './replica/replica-config.ts'

const environment = z.object({
  ...REPLICA_ENVIRONMENT,
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  STATE_DIR: filePath.describe('where this node remembers how far it has come, for example /var/lib/powernode-agent'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz'),
  GATEWAY_ADDRESS: hostPort.describe("host:port of the federation-gateway's inner door"),
  PAYLOAD_ROOT: filePath.default(FW_CFG_ROOT).describe('where the firmware shows the boot payload'),
  PAYLOAD_FILE: filePath.default(PAYLOAD_FILE).describe('the file that stands for it where the firmware shows none'),
  METRICS_PORT: port.optional().describe('the loopback port for Prometheus; none unless said'),
})

type Address = { readonly host: string; readonly port: number }

export type Config = {
  readonly identityDir: string
  readonly trustDomain: string
  readonly stateDir: string
  readonly peerRegistryAddress: Address
  readonly grantAuthzAddress: Address
  readonly gatewayAddress: Address
  readonly places: Places
  readonly metricsPort: number | undefined
  /** Where a replica of the parent's database may be kept. */
  readonly replica: ReplicaConfig | undefined
}

/** Reads what the process is told, or reports all that is wrong with it. */
export function configFrom(env: Readonly<Record<string, string | undefined>>): Config {
  const said = readConfig(environment, env)
  return {
    identityDir: said.IDENTITY_DIR,
    trustDomain: said.TRUST_DOMAIN,
    stateDir: said.STATE_DIR,
    peerRegistryAddress: said.PEER_REGISTRY_ADDRESS,
    grantAuthzAddress: said.GRANT_AUTHZ_ADDRESS,
    gatewayAddress: said.GATEWAY_ADDRESS,
    places: { fwCfgRoot: said.PAYLOAD_ROOT, file: said.PAYLOAD_FILE },
    metricsPort: said.METRICS_PORT,
    replica: replicaConfigFrom(said),
  }
}
