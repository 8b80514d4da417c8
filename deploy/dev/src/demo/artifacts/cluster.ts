import { randomUUID } from 'node:crypto'
import { type Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { DATABASE } from '../../database.ts'
import { replicaOf, withDatabase } from './database.ts'
import { must, type Check, type ChildSheet, type Look } from './artifact.ts'
import { fedctl } from '../fedctl.ts'
import { nothingGiven } from './grants.ts'

const MONTH_MS = 31 * 86_400_000
const VISIBLE_WITHIN_MS = 1_000

/** A second home of A's data. */
export const clusterChecks: readonly Check[] = [
  { what: 'Neither lets the other do anything', look: nothingGiven },
  {
    what: "A's Postgres keeps a slot for it",
    look: (look) =>
      atPrimary(look, async (primary, { slot_name }) => {
        const [slot] = (
          await primary.query<Slot>(
            'select active, slot_type, restart_lsn, wal_status from pg_replication_slots where slot_name = $1',
            [slot_name],
          )
        ).rows
        must(slot !== undefined, `there is no slot ${slot_name}`)
        must(slot.active && slot.slot_type === 'physical' && slot.restart_lsn !== null, 'nobody streams from it')
        return `${slot_name}, ${slot.wal_status}`
      }),
  },
  {
    what: 'by a role that ends',
    look: (look) =>
      atPrimary(look, async (primary, { role_name }) => {
        const [role] = (
          await primary.query<Role>(
            'select rolcanlogin, rolreplication, rolsuper, rolvaliduntil from pg_roles where rolname = $1',
            [role_name],
          )
        ).rows
        must(role !== undefined && role.rolcanlogin && role.rolreplication && !role.rolsuper, `no role ${role_name}`)
        must(role.rolvaliduntil !== null && +role.rolvaliduntil - Date.now() < MONTH_MS, 'the role has no end')
        return `${role_name}, until ${role.rolvaliduntil.toISOString().slice(0, 10)}`
      }),
  },
  {
    what: 'over TLS, with a certificate of its own',
    look: (look) =>
      atPrimary(look, async (primary, { role_name }) => {
        const [line] = (
          await primary.query<Line>(
            `select replication.state, tls.ssl, tls.version, tls.client_dn
             from pg_stat_replication replication join pg_stat_ssl tls using (pid) where replication.usename = $1`,
            [role_name],
          )
        ).rows
        must(line?.state === 'streaming', `its replica is ${line?.state ?? 'not connected'}`)
        must(line.ssl && line.client_dn !== null, 'the stream is without TLS, or without a certificate')
        return `${line.state}, ${line.version}, ${line.client_dn}`
      }),
  },
  {
    what: 'A row of A is to be read there',
    inside: true,
    look: async ({ world: { a, stop }, inside }) => {
      const name = `demo-${randomUUID().slice(0, 8)}`
      await fedctl(a, ['template', 'create', name], stop)
      const from = performance.now()
      await withDatabase(replicaOf(inside.machine, DATABASE), async (replica) => {
        const inRecovery = await replica.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
        must(inRecovery.rows[0]?.standby === true, 'what is there is no replica')
        for (;;) {
          const { rowCount } = await replica.query('select id from spawn_provisioner.template where name = $1', [name])
          if (rowCount === 1) break
          must(performance.now() - from < 10 * VISIBLE_WITHIN_MS, `the row is not there after ${VISIBLE_WITHIN_MS} ms`)
          await wait(5)
        }
      })
      const ms = Math.round(performance.now() - from)
      await fedctl(a, ['template', 'retire', name], stop)
      must(ms < VISIBLE_WITHIN_MS, `it took ${ms} ms`)
      return `${ms} ms after it was written`
    },
  },
  {
    what: 'A sees how far it is behind',
    look: async ({ world: { a, stop }, child }) => {
      const { cluster_member: member } = await fedctl<ChildSheet>(a, ['child', 'show', child.id], stop)
      must(member?.state === 'streaming', `its replica is ${member?.state ?? 'unknown'}`)
      return `${member.state}, redis ${member.redis_status || 'not configured'}`
    },
  },
]

type Slot = { active: boolean; slot_type: string; restart_lsn: string | null; wal_status: string }
type Role = { rolcanlogin: boolean; rolreplication: boolean; rolsuper: boolean; rolvaliduntil: Date | null }
type Line = { state: string; ssl: boolean; version: string; client_dn: string | null }

async function atPrimary(
  { world, child }: Look,
  look: (primary: Client, member: NonNullable<ChildSheet['cluster_member']>) => Promise<string>,
): Promise<string> {
  const member = child.cluster_member
  must(member !== undefined, 'A knows of no replica of it')
  return withDatabase({ connectionString: world.a.postgresUrl }, (primary) => look(primary, member))
}
