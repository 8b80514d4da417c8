import { durationMs, filePath, hostPort, port, readConfig, secret, type Secret } from '@powernode/process'
import { z } from 'zod'

const environment = z.object({
  DATABASE_URL: secret.describe('postgres://liveness:<password>@<host>:<port>/<database>'),
  NATS_URL: z.string().describe('nats://<host>:<port>, several separated by commas'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  LISTEN: hostPort,
  METRICS_PORT: port,
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz, which knows the operators'),
  AUDIT_LEDGER_ADDRESS: hostPort.describe('host:port of audit-ledger, whose heads beats tell'),
  SPAWN_PROVISIONER_ADDRESS: hostPort.describe('host:port of spawn-provisioner, which knows our children'),
  SDWAN_COMPILER_ADDRESS: hostPort.describe('host:port of sdwan-compiler, which the doctor asks'),
  GATEWAY_ADDRESS: hostPort.describe("host:port of the federation-gateway's inner door"),
  SWEEP_INTERVAL: durationMs
    .refine((ms) => ms >= 100, 'is shorter than 100ms')
    .default(1_000)
    .describe('how often silent peers are looked for, 100ms or longer; 1s unless said otherwise'),
  TICK_INTERVAL: durationMs
    .refine((ms) => ms >= 100 && ms <= 60_000, 'is not between 100ms and 60s')
    .default(10_000)
    .describe('how often it is decided what to do about silent peers, 100ms to 60s; 10s unless said otherwise'),
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
  readonly auditLedgerAddress: Address
  readonly spawnProvisionerAddress: Address
  readonly sdwanCompilerAddress: Address
  readonly gatewayAddress: Address
  readonly sweepEveryMs: number
  readonly tickMs: number
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
    auditLedgerAddress: said.AUDIT_LEDGER_ADDRESS,
    spawnProvisionerAddress: said.SPAWN_PROVISIONER_ADDRESS,
    sdwanCompilerAddress: said.SDWAN_COMPILER_ADDRESS,
    gatewayAddress: said.GATEWAY_ADDRESS,
    sweepEveryMs: said.SWEEP_INTERVAL,
    tickMs: said.TICK_INTERVAL,
  }
}
