import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { patient } from '@powernode/clock'
import type { ConnectionOptions, TlsOptions } from 'nats'

export type BusAddress = {
  /** `host:port` or `nats://host:port`, one or several separated by commas. */
  readonly servers: string | readonly string[]
  /** Folder of cert.pem, key.pem and roots.pem. Only a server on this machine may be spoken to without. */
  readonly tlsDir: string | undefined
  /** The service: what NATS calls this connection, and where its answers arrive. */
  readonly name: string
}

const PING_INTERVAL_MS = 10_000
const RECONNECT_WAIT_MS = 200
const DIAL_MS = 5_000
const LONGEST_DIAL_MS = 20_000

/**
 * How long a connection may take to be made, more with each attempt that came to nothing: on a machine that is too busy for one
 * in five seconds, giving up and beginning anew takes what little time there is, and none would ever stand.
 */
export const dialMs = (attempt: number): number => patient(Math.min(DIAL_MS * attempt, LONGEST_DIAL_MS))

/** How to reach NATS: TLS 1.3 with our own certificate, trying for ever, and never in plaintext over a network. */
export function connectOptions({ servers, tlsDir, name }: BusAddress): ConnectionOptions {
  const addresses = (typeof servers === 'string' ? servers.split(',') : [...servers]).map((address) => address.trim())
  const hosts = addresses.map(hostOf)
  if (tlsDir === undefined && !hosts.every(isLoopback))
    throw new Error(`NATS at ${addresses.join(', ')} needs TLS: name the folder of the service's certificate`)
  return {
    servers: addresses,
    name,
    // Answers come to a place of the service's own; the server lets nobody else listen there (deploy/nats/permissions.ts).
    inboxPrefix: `_INBOX.${name.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`,
    tls: tlsDir === undefined ? null : tlsOptions(tlsDir, hosts),
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    reconnectJitterTLS: RECONNECT_WAIT_MS,
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    pingInterval: patient(PING_INTERVAL_MS),
    maxPingOut: 2,
    timeout: dialMs(1),
  }
}

/** The client hands these on to `tls.connect`, though its type names only some of them. */
type NodeTlsOptions = TlsOptions & {
  readonly minVersion: 'TLSv1.3'
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined
}

function tlsOptions(dir: string, hosts: readonly string[]): NodeTlsOptions {
  return {
    certFile: join(dir, 'cert.pem'),
    keyFile: join(dir, 'key.pem'),
    caFile: join(dir, 'roots.pem'),
    minVersion: 'TLSv1.3',
    // The client passes no name for a server given by address, so Node would ask for "localhost": we ask for what was configured.
    checkServerIdentity: (_host, certificate) => {
      const errors = hosts.map((configured) => checkServerIdentity(configured, certificate))
      return errors.includes(undefined) ? undefined : errors[0]
    },
  }
}

function hostOf(address: string): string {
  const { hostname } = new URL(address.includes('://') ? address : `nats://${address}`)
  return hostname.replace(/^\[|\]$/g, '')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.startsWith('127.') || (isIPv6(host) && host === '::1')
}
