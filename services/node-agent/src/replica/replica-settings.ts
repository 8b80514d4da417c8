import { isIP } from 'node:net'
import { join } from 'node:path'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { dataOf, pathIn, tlsOf, type ReplicaHome } from './replica-home.ts'

/**
 * Settings of the primary that a standby MUST have at least as large ("Administrator's Overview", PostgreSQL 18 manual, 26.4.3):
 * with less it stops replaying.
 */
export const SIZES = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const

export type Sizes = Readonly<Record<(typeof SIZES)[number], string>>

type Wanted = {
  readonly sizes: Sizes
  readonly socketDir: string
  /** Whom it follows; nobody, once it has been promoted. */
  readonly follows: ClusterMembership | undefined
}

/** The whole configuration of a replica. What its primary is configured to be came with the copy, and is not read. */
export function settingsText(home: ReplicaHome, { sizes, socketDir, follows }: Wanted): string {
  const tls = tlsOf(home)
  const settings: Record<string, string> = {
    ...sizes,
    listen_addresses: home.listen.host,
    port: String(home.listen.port),
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    hba_file: pathIn(home, 'pg_hba.conf'),
    ident_file: pathIn(home, 'pg_ident.conf'),
    shared_buffers: '64MB',
    wal_level: 'replica',
    max_replication_slots: '64',
    max_slot_wal_keep_size: '1GB',
    // For the former primary, which follows without a slot on its way back.
    wal_keep_size: '512MB',
    max_wal_size: '512MB',
    hot_standby: 'on',
    wal_receiver_status_interval: '1s',
    wal_retrieve_retry_interval: '200ms',
    recovery_target_timeline: 'latest',
    recovery_init_sync_method: 'syncfs',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    log_min_messages: 'warning',
    logging_collector: 'off',
    ssl: 'on',
    ssl_min_protocol_version: 'TLSv1.3',
    ssl_cert_file: join(tls, 'cert.pem'),
    ssl_key_file: join(tls, 'key.pem'),
    ssl_ca_file: join(tls, 'roots.pem'),
    ...(follows && { primary_conninfo: conninfo(home, follows) }),
    ...(follows && follows.slotName !== '' && { primary_slot_name: follows.slotName }),
    ...home.settings,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoted(value)}\n`)
    .join('')
}

/** How the WAL receiver finds the primary (libpq). The password stands in a file beside, never here. */
function conninfo(home: ReplicaHome, to: ClusterMembership): string {
  const { primaryHost, primaryPort, primaryServerName, roleName } = to
  const [cert, key, roots] = ['cert.pem', 'key.pem', 'roots.pem'].map((file) => join(tlsOf(home), file))
  const parts = {
    host: primaryServerName,
    // The name is what is verified; the address is only where to knock.
    ...(isIP(primaryHost) === 0 ? { host: primaryHost } : { hostaddr: primaryHost }),
    port: String(primaryPort),
    user: roleName,
    passfile: pathIn(home, 'pgpass'),
    application_name: roleName,
    sslmode: 'verify-full',
    sslrootcert: roots,
    sslcert: cert,
    sslkey: key,
    ssl_min_protocol_version: 'TLSv1.3',
    gssencmode: 'disable',
    connect_timeout: '5',
  }
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${quoted(value ?? '')}`)
    .join(' ')
}

/** The password file of libpq: one line, `host:port:database:user:password`, a backslash before what would end a field. */
export function passwordText({ roleName, password }: ClusterMembership): string {
  return `*:*:*:${roleName}:${password.replaceAll(/[:\\]/g, String.raw`\$&`)}\n`
}

const MEMBERS = '"/^powernode_repl_[0-9a-f]{16}$"'

/**
 * Who may connect. The agent, over a socket that nobody else reaches. And once this is the primary: the platform's services,
 * with the passwords that they have always had, and the platform's former Postgres, by its certificate, to replicate.
 */
export function accessText(promoted: boolean): string {
  return [
    'local all postgres trust',
    ...(promoted
      ? [
          `hostssl replication ${MEMBERS} all cert clientname=DN map=platform`,
          'host all "/^powernode_repl_" all reject',
          'hostssl all all all scram-sha-256',
        ]
      : []),
    '',
  ].join('\n')
}

/** The platform's own Postgres speaks for any role of a member; its DN is that of its service certificate (RFC 2253). */
export const IDENTITIES = `platform "CN=postgres,OU=service" ${MEMBERS}\n`

/** What ALTER SYSTEM had said on the primary is not for us. */
export const alterSystemFile = (home: ReplicaHome): string => join(dataOf(home), 'postgresql.auto.conf')

const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
