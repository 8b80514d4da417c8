import { durationMs, filePath, hostPort, port, readConfig } from '@powernode/process'
import { z } from 'zod'
import type { VrfKind } from './back-ends/vrfs.ts'

/** What the agent does with what it hears. */
export type Mode = 'apply' | 'dry-run' | 'show'

const environment = z.object({
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem and roots.pem: a certificate instance/<uuid>'),
  TRUST_DOMAIN: z.string().describe('the trust domain of this platform'),
  STATE_DIR: filePath.describe('where keys and the confirmed state are kept, for example /var/lib/powernode-network'),
  SDWAN_ADDRESS: hostPort.describe('host:port of sdwan-compiler'),
  PEER_REGISTRY_ADDRESS: hostPort
    .optional()
    .describe('host:port of peer-registry, which renews the certificate; none: whoever issued it brings a new one'),
  MODE: z.enum(['apply', 'dry-run', 'show']).default('apply').describe('apply, dry-run or show'),
  NETNS: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'is not the name of a network namespace')
    .optional()
    .describe('the named network namespace that this node is; none: the one that the agent was started in'),
  VRF_KIND: z.enum(['kernel', 'netns']).default('kernel').describe('kernel, or netns where the kernel has no VRF'),
  FRR_PATHSPACE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'is not the name of a pathspace of FRR')
    .optional()
    .describe('the name (-N) of the FRR to be used; none: NETNS, or the FRR of the machine'),
  KEPT_PORTS: z
    .string()
    .default('22')
    .transform((text) => text.split(',').map(Number))
    .refine((ports) => ports.every((each) => Number.isInteger(each)), 'are not port numbers')
    .describe('ports of the node that no port mapping takes, comma-separated: 22'),
  OVN_ENDPOINTS: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((each) => each !== ''))
    .describe('northbound databases that may be written, comma-separated; none: any over the network'),
  OVN_TLS_DIR: filePath.optional().describe('the folder of cert.pem, key.pem and roots.pem for databases with TLS'),
  CONFIRM_WITHIN: durationMs
    .default(30_000)
    .describe('how long the control plane has to confirm a version, such as 30s'),
  SETTLED_AFTER: durationMs
    .default(10_000)
    .describe('how long after it was kept a version is confirmed once more, such as 10s'),
  REPORT_EVERY: durationMs.default(30_000).describe('how often this node reports, such as 30s'),
  LOOK_EVERY: durationMs.default(60_000).describe('how often this node looks for drift, such as 60s'),
  FAILOVER_AFTER: durationMs
    .default(30_000)
    .describe('how long a hub may be silent before another carries, such as 30s'),
  METRICS_PORT: port.optional().describe('the loopback port for Prometheus; none unless said'),
})

export type NetworkConfig = {
  readonly identityDir: string
  readonly trustDomain: string
  readonly stateDir: string
  readonly sdwanAddress: { readonly host: string; readonly port: number }
  readonly peerRegistryAddress: { readonly host: string; readonly port: number } | undefined
  readonly mode: Mode
  readonly netns: string | undefined
  readonly vrfKind: VrfKind
  readonly frrPathspace: string | undefined
  readonly keptPorts: readonly number[]
  readonly ovnEndpoints: readonly string[]
  readonly ovnTlsDir: string | undefined
  readonly confirmWithinMs: number
  readonly settledAfterMs: number
  readonly reportEveryMs: number
  readonly lookEveryMs: number
  readonly failoverAfterMs: number
  readonly metricsPort: number | undefined
}

/** Reads what the process is told, or reports all that is wrong with it. */
export function networkConfigFrom(env: Readonly<Record<string, string | undefined>>): NetworkConfig {
  const said = readConfig(environment, env)
  return {
    identityDir: said.IDENTITY_DIR,
    trustDomain: said.TRUST_DOMAIN,
    stateDir: said.STATE_DIR,
    sdwanAddress: said.SDWAN_ADDRESS,
    peerRegistryAddress: said.PEER_REGISTRY_ADDRESS,
    mode: said.MODE,
    netns: said.NETNS,
    vrfKind: said.VRF_KIND,
    frrPathspace: said.FRR_PATHSPACE ?? said.NETNS,
    keptPorts: said.KEPT_PORTS,
    ovnEndpoints: said.OVN_ENDPOINTS,
    ovnTlsDir: said.OVN_TLS_DIR,
    confirmWithinMs: said.CONFIRM_WITHIN,
    settledAfterMs: said.SETTLED_AFTER,
    reportEveryMs: said.REPORT_EVERY,
    lookEveryMs: said.LOOK_EVERY,
    failoverAfterMs: said.FAILOVER_AFTER,
    metricsPort: said.METRICS_PORT,
  }
}
