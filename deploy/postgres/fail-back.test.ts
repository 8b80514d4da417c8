import { create } from '@bufbuild/protobuf'
import { FormerPrimary } from '@powernode/dev/former-primary'
import { startPostgres } from '@powernode/dev/postgres'
import { MemberOrderSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { afterEach, expect, test } from 'vitest'
import { DATABASE, ROLE, TwoServers, UNSYNCED } from './two-servers.ts'

const never = AbortSignal.any([])
let two: TwoServers
let former: FormerPrimary | undefined

afterEach(async () => {
  await former?.stop()
  await two.stop()
})

async function promote(): Promise<void> {
  const fence = await two.asProvisioner()
  await fence.query('select replication_admin.fence_gate()')
  await fence.query('select replication_admin.fence_roles($1)', [ROLE])
  const left = async () => (await fence.query('select replication_admin.fence_sessions($1) as left', [ROLE])).rows[0]
  await expect.poll(left, { interval: 10 }).toEqual({ left: 0 })
  const { rows } = await fence.query('select lsn::text as lsn, timeline from replication_admin.facts()')
  const order = create(MemberOrderSchema, { act: 'promote', atLsn: rows[0].lsn, timeline: rows[0].timeline })
  await two.replica.promote(order, two.membership, never)
}

const ids = async (client: { query: (text: string) => Promise<{ rows: { id: string }[] }> }) =>
  (await client.query('select id from liveness.beat order by id')).rows.map(({ id }) => id)

test('the former primary follows the promoted member, takes over again with all of it, and the member follows once more', async () => {
  two = await TwoServers.start()
  await two.admit()
  const admin = await two.asAdmin()
  await admin.query('create table liveness.beat (id text primary key)')
  await admin.query('grant select, insert on liveness.beat to liveness')
  await admin.query(`insert into liveness.beat values ('1 at home')`)
  await two.replica.clone(two.membership, never)
  const copy = await two.onReplica()
  await expect.poll(() => ids(copy)).toEqual(['1 at home'])
  await promote()
  const away = await two.atPromoted('liveness')
  await away.query(`insert into liveness.beat values ('2 at the member')`)

  const { primary } = two
  former = new FormerPrimary({
    dir: two.primaryDir,
    port: primary.port,
    identityDir: two.identityDir,
    database: DATABASE,
    pause: () => primary.stop(),
    resume: async () => {
      const { primaryDir: dir, identityDir } = two
      two.primary = await startPostgres({ dir, identityDir, settings: UNSYNCED, port: primary.port }, never)
    },
  })
  const { listen } = two.home
  await former.follow({ address: `${listen.host}:${listen.port}`, role: ROLE }, never)
  await away.query(`insert into liveness.beat values ('3 while both run')`)
  await expect(two.as('liveness').then((client) => ids(client))).rejects.toThrow() // it follows, and serves nobody

  const lsn = await two.replica.resign(ROLE, never)
  await expect(two.atPromoted('liveness')).rejects.toThrow()
  await former.takeOver({ lsn, timeline: 2 }, never)

  const home = await two.as('liveness')
  expect(await ids(home)).toEqual(['1 at home', '2 at the member', '3 while both run'])
  await home.query(`insert into liveness.beat values ('4 at home again')`)
  const facts = await (await two.asProvisioner()).query('select timeline, fenced from replication_admin.facts()')
  expect(facts.rows).toEqual([{ timeline: 3, fenced: false }])

  await two.admit('another')
  await two.replica.clone({ ...two.membership, password: 'another' }, never)
  const again = await two.onReplica()
  await expect.poll(() => ids(again)).toHaveLength(4)
  await expect(again.query(`insert into liveness.beat values ('5')`)).rejects.toThrow(/read-only/)
})
