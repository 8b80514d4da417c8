import { withClient } from '@powernode/postgres'

/**
 * What the services of one platform hold at most in a moment when all are busy is 140 (their pools, and a connection for each
 * channel that is listened on); the rest is for replicas that follow, backups and people.
 */
const NEEDED = 200

/** Why the platform will be refused connections when much is going on, and what mends it; undefined: it will not. */
export async function lackOfConnections(adminUrl: string): Promise<string | undefined> {
  return withClient(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ most: number }>(`select current_setting('max_connections')::int as most`)
    return lackOf(rows[0]?.most ?? 0)
  })
}

export function lackOf(most: number): string | undefined {
  if (most >= NEEDED) return undefined
  return (
    `Postgres takes ${most} connections, and the services of a platform may want more when all are busy. As superuser: ` +
    `alter system set max_connections = ${NEEDED}; then restart Postgres`
  )
}
