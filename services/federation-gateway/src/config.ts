import { durationMs, filePath, flag, hostPort, port, readConfig } from '@powernode/process'
import { z } from 'zod'
import { DEFAULT_ADDRESS_POLICY, MESSAGE_MAX_BYTES, type AddressKind, type AddressPolicy } from '@powernode/rpc'
import { isTrustDomain } from '@powernode/identity'
import type { OutboundLimits } from './egress/outbound.ts'
import type { CallLimits, DoorLimits } from './limits.ts'

const count = (byDefault: number, what: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'is not a positive number')
    .transform(Number)
    .describe(`a number: ${what}`)
    .default(byDefault)
const duration = (byDefault: number, what: string) =>
  durationMs.describe(`a length of time: ${what}`).default(byDefault)
const permission = (what: string) => flag.describe(`true or false: ${what}`).default(false)

const environment = z.object({
  FEDERATION_LISTEN: hostPort.describe('host:port of the door for peers, for example 0.0.0.0:8443'),
  INNER_LISTEN: hostPort.describe('host:port where our own services call out, for example 127.0.0.1:7443'),
  PEER_REGISTRY_ADDRESS: hostPort.describe('host:port of peer-registry'),
  LIVENESS_ADDRESS: hostPort.describe('host:port of liveness'),
  GRANT_AUTHZ_ADDRESS: hostPort.describe('host:port of grant-authz'),
  AUDIT_LEDGER_ADDRESS: hostPort.describe('host:port of audit-ledger'),
  SPAWN_PROVISIONER_ADDRESS: hostPort.describe('host:port of spawn-provisioner'),
  SDWAN_COMPILER_ADDRESS: hostPort.describe('host:port of sdwan-compiler'),
  IDENTITY_DIR: filePath.describe('the folder of cert.pem, key.pem, roots.pem and crl.pem'),
  TRUST_DOMAIN: z.string().refine(isTrustDomain, 'is not a trust domain').describe('the trust domain of this platform'),
  METRICS_PORT: port.describe('the port of /metrics on loopback, 0 for any'),

  ALLOW_LOOPBACK_PEERS: permission('whether peers may live on this very machine, as in a demo'),
  ALLOW_LINK_LOCAL_PEERS: permission('whether peers may have link-local addresses'),
  ALLOW_PRIVATE_PEERS: flag.describe('true or false: whether peers may have private addresses').default(true),

  MAX_STRANGERS: count(4_096, 'connections nobody has vouched for'),
  MAX_STRANGERS_PER_SOURCE: count(256, 'the same, from one address'),
  MAX_CALLERS: count(20_000, 'connections of callers we know'),
  MAX_CONNECTIONS_PER_CALLER: count(64, 'the same, of one caller'),
  MAX_HANDSHAKES_PER_SOURCE: count(200, 'TLS handshakes a second from one address'),
  MAX_CALLS_PER_PEER: count(200, 'calls a second of one peer'),
  MAX_WATCHES_PER_PEER: count(100, 'open streams of resources of one peer'),
  MAX_ACCEPTS_PER_SOURCE: count(600, 'redemptions a minute from one address'),
  MAX_ACCEPTS_PER_TOKEN: count(60, 'redemptions a minute with one token'),
  MAX_STREAMS_PER_CONNECTION: count(100, 'calls at a time on one connection'),
  HANDSHAKE_TIMEOUT: duration(5_000, 'from connection to finished TLS handshake'),
  FIRST_FRAME_TIMEOUT: duration(10_000, 'from there to the first frame of HTTP/2'),
  STRANGER_LIFETIME: duration(30_000, 'how long a connection without a trusted certificate may stay'),
  SHUTDOWN_GRACE: duration(5_000, 'how long calls may take to finish when stopping'),
  PEER_CONNECT_TIMEOUT: duration(3_000, 'connecting to one address of a peer'),
  PEER_ATTEMPT_TIMEOUT: duration(5_000, 'one attempt of a call to a peer'),
  PEER_RETRIES: count(2, 'repetitions of a call that nobody answered'),
  PEER_BREAK_AFTER: count(5, 'failed calls in a row that open the circuit of a peer'),
  PEER_BREAK_FIRST: duration(1_000, 'how long a circuit stays open at first'),
  PEER_BREAK_MAX: duration(10_000, 'how long it stays open at most'),
})

type HostPort = { readonly host: string; readonly port: number }

export type Config = {
  readonly listen: HostPort
  readonly innerListen: HostPort
  readonly peerRegistryAddress: HostPort
  readonly livenessAddress: HostPort
  readonly grantAuthzAddress: HostPort
  readonly auditLedgerAddress: HostPort
  readonly spawnProvisionerAddress: HostPort
  readonly sdwanCompilerAddress: HostPort
  readonly identityDir: string
  readonly trustDomain: string
  readonly metricsPort: number
  readonly addressPolicy: AddressPolicy
  readonly door: DoorLimits
  readonly calls: CallLimits
  readonly outbound: OutboundLimits
}

/** Reads what the process is told, or reports all that is wrong with it. */
export function configFrom(env: Readonly<Record<string, string | undefined>>): Config {
  const said = readConfig(environment, env)
  const allowed: readonly [boolean, AddressKind][] = [
    [said.ALLOW_LOOPBACK_PEERS, 'loopback'],
    [said.ALLOW_LINK_LOCAL_PEERS, 'link-local'],
  ]
  return {
    listen: said.FEDERATION_LISTEN,
    innerListen: said.INNER_LISTEN,
    peerRegistryAddress: said.PEER_REGISTRY_ADDRESS,
    livenessAddress: said.LIVENESS_ADDRESS,
    grantAuthzAddress: said.GRANT_AUTHZ_ADDRESS,
    auditLedgerAddress: said.AUDIT_LEDGER_ADDRESS,
    spawnProvisionerAddress: said.SPAWN_PROVISIONER_ADDRESS,
    sdwanCompilerAddress: said.SDWAN_COMPILER_ADDRESS,
    identityDir: said.IDENTITY_DIR,
    trustDomain: said.TRUST_DOMAIN,
    metricsPort: said.METRICS_PORT,
    addressPolicy: {
      allow: [
        ...DEFAULT_ADDRESS_POLICY.allow.filter((kind) => kind !== 'private' || said.ALLOW_PRIVATE_PEERS),
        ...allowed.flatMap(([isAllowed, kind]) => (isAllowed ? [kind] : [])),
      ],
    },
    door: {
      strangers: said.MAX_STRANGERS,
      strangersPerSource: said.MAX_STRANGERS_PER_SOURCE,
      callers: said.MAX_CALLERS,
      connectionsPerCaller: said.MAX_CONNECTIONS_PER_CALLER,
      handshakesPerSource: said.MAX_HANDSHAKES_PER_SOURCE,
      handshakeTimeoutMs: said.HANDSHAKE_TIMEOUT,
      firstFrameTimeoutMs: said.FIRST_FRAME_TIMEOUT,
      strangerLifetimeMs: said.STRANGER_LIFETIME,
      graceMs: said.SHUTDOWN_GRACE,
    },
    calls: {
      messageBytes: MESSAGE_MAX_BYTES,
      streamsPerConnection: said.MAX_STREAMS_PER_CONNECTION,
      callsPerPeer: said.MAX_CALLS_PER_PEER,
      watchesPerPeer: said.MAX_WATCHES_PER_PEER,
      acceptsPerSource: said.MAX_ACCEPTS_PER_SOURCE,
      acceptsPerToken: said.MAX_ACCEPTS_PER_TOKEN,
      diagnosisMs: 3_000,
      defaultDeadlineMs: 10_000,
      maxDeadlineMs: 30_000,
    },
    outbound: {
      connectTimeoutMs: said.PEER_CONNECT_TIMEOUT,
      attemptTimeoutMs: said.PEER_ATTEMPT_TIMEOUT,
      maxMessageBytes: MESSAGE_MAX_BYTES,
      retries: said.PEER_RETRIES,
      breakAfter: said.PEER_BREAK_AFTER,
      breakFirstMs: said.PEER_BREAK_FIRST,
      breakMaxMs: said.PEER_BREAK_MAX,
    },
  }
}
