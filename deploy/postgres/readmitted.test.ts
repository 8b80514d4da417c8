import { afterEach, beforeEach, expect, test } from 'vitest'
import { MemberLine, MemberLines } from '../../services/spawn-provisioner/src/replication/member-lines.ts'
import { readmit } from '../../services/spawn-provisioner/src/replication/deliver.ts'
import { Cluster } from './cluster.ts'

let cluster: Cluster
beforeEach(async () => {
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
})
afterEach(() => cluster.stop())

const state = async () => (await cluster.shown())?.state
const until = async (wanted: string) => {
  await expect.poll(state, { interval: 50 }).toBe(wanted)
}

test('a member whose new password was lost on its way, with whoever had made it, is given another', async () => {
  await cluster.startChild(await cluster.admit())
  await until('streaming')
  await cluster.stopChild()
  const admin = await cluster.two.asAdmin()
  const free = async () => (await admin.query('select 1 from pg_replication_slots where not active')).rowCount
  await expect.poll(free).toBe(1)
  await admin.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots')
  await until('guarded')

  const member = await cluster.shown()
  if (!member) throw new Error('nobody was admitted')
  const cut = new AbortController()
  const line = new MemberLine()
  const telling = readmit({ ...cluster.deps, lines: new MemberLines() }, { member, line, signal: cut.signal })
  for await (const { act } of line.orders) {
    expect(act).toBe('follow')
    break // it is never carried out
  }
  cut.abort()
  await telling

  await cluster.startChild()
  await until('streaming')
  // What was sent is forgotten once it is known to be in use, a moment after it is.
  await expect.poll(async () => (await cluster.shown())?.passwordSealed).toBeNull()
})
