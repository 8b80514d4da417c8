import type { Settings } from '../dev/src/environment.ts'

/** What may stand in platform.env for one service alone. Each has a default of its own, and is judged by that service. */
const PASSED_ON = {
  'audit-ledger': [
    'SEAL_INTERVAL',
    'ENTRIES_KEPT_FOR',
    'MIRROR_QUOTA_MB',
    'MIRROR_MB_PER_MINUTE',
    'DOUBT_FOR',
    'RECONCILE_EVERY',
  ],
  liveness: ['SWEEP_INTERVAL', 'TICK_INTERVAL'],
  'peer-registry': ['FEED_LEASE', 'AUDIT_FORK_POLICY', 'HEARTBEAT_INTERVAL', 'STALE_AFTER', 'STALE_AFTER_MOST'],
  'spawn-provisioner': [
    'REPLICATION_PRIMARY',
    'REPLICATION_PRIMARY_NAME',
    'REPLICATION_TAKE_OVER',
    'REDIS_ADDRESS',
    'REDIS_USERNAME',
    'REDIS_PASSWORD_FILE',
    'REDIS_ROOTS_FILE',
    'REDIS_SERVER_NAME',
    'MAX_CHILDREN',
    'BOOT_DEADLINE',
    'PROVIDER_KINDS',
  ],
  'sdwan-compiler': ['NODES_LISTEN'],
  'grant-authz': ['FEED_LEASE', 'OIDC_ISSUER', 'OIDC_AUDIENCE', 'OIDC_ALGORITHMS'],
} as const

/** The settings that were said, by service: they MUST come from the one file, since the others are written anew each time. */
export function passedOn(env: Readonly<Record<string, string | undefined>>): Settings {
  const said = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = env[name]
        return value === undefined || value === '' ? [] : [[name, value]]
      }),
    )
  return { env: Object.fromEntries(Object.entries(PASSED_ON).map(([service, names]) => [service, said(names)])) }
}
