import { withClient } from '@powernode/postgres'
import { comesBefore } from './lsn.ts'
import type { ReplicaHome } from './replica-home.ts'

/** What a replica's own Postgres says of itself. */
export type ReplicaStatus = {
  readonly inRecovery: boolean
  /** Replayed so far; of a primary, written so far. */
  readonly lsn: string
  readonly timeline: number
  readonly systemIdentifier: string
  /** Whether it is being sent WAL right now. */
  readonly streaming: boolean
}

/** Over the socket that only we can reach, as superuser of the copy. */
export class ReplicaConsole {
  readonly #url: string

  constructor({ listen, database }: ReplicaHome, socketDir: string) {
    const url = new URL(`postgres:///${encodeURIComponent(database)}`)
    url.searchParams.set('host', socketDir)
    url.searchParams.set('port', String(listen.port))
    url.searchParams.set('user', 'postgres')
    this.#url = url.href
  }

  status(): Promise<ReplicaStatus> {
    return withClient(this.#url, async (client) => {
      const { rows } = await client.query<ReplicaStatus>(STATUS)
      const [status] = rows
      if (!status) throw new Error('the replica does not say how it is')
      return status
    })
  }

  /** Whether it replayed everything up to this position. */
  async hasReplayed(lsn: string): Promise<boolean> {
    return !comesBefore((await this.status()).lsn, lsn)
  }

  /** The fence of deploy/postgres/replication.sql, from within: returns the last position that was answered for. */
  async fence(keepRole: string, pause: (ms: number) => Promise<void>): Promise<string> {
    await this.#writing('select replication_admin.fence_gate()')
    await this.#writing('select role from replication_admin.fence_roles($1) as role', [keepRole])
    for (let tries = 0; ; tries++) {
      const [row] = await this.#writing<{ left: number }>('select replication_admin.fence_sessions($1) as left', [
        keepRole,
      ])
      if (row?.left === 0) return (await this.status()).lsn
      if (tries > FENCE_TRIES) throw new Error(`${row?.left} sessions cannot be cut off`)
      await pause(FENCE_PAUSE_MS)
    }
  }

  /** Sessions begin read-only once the gate is closed, ours as well: so each says that it writes. */
  #writing<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return withClient(this.#url, async (client) => {
      await client.query('start transaction read write')
      const { rows } = await client.query<Row>(text, [...values])
      await client.query('commit')
      return rows
    })
  }

  /**
   * Makes it the primary: of a new timeline, on which the fence that came over from the old one is lifted.
   *
   * Returns when it takes writes. Safe to repeat: who is promoted already only has the fence lifted.
   */
  async promote(): Promise<void> {
    await withClient(this.#url, async (client) => {
      const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
      if (rows[0]?.standby) {
        const promoted = await client.query<{ done: boolean }>('select pg_promote(true, 30) as done')
        if (!promoted.rows[0]?.done) throw new Error('the replica did not become the primary within 30 s')
      }
    })
    await this.#writing('select role from replication_admin.unfence() as role')
  }
}

const FENCE_TRIES = 250
const FENCE_PAUSE_MS = 20

const STATUS = `
  select pg_is_in_recovery() as "inRecovery",
         coalesce(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end,
                  '0/0')::text as lsn,
         case when pg_is_in_recovery()
              then greatest(c.timeline_id, coalesce((select received_tli from pg_stat_wal_receiver), 0))
              else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end as timeline,
         s.system_identifier::text as "systemIdentifier",
         exists (select from pg_stat_wal_receiver where status = 'streaming') as streaming
  from pg_control_checkpoint() c, pg_control_system() s`
