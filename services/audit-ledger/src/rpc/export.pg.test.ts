import { systemClock } from '@powernode/clock'
import { filesOf, verifyDirectory } from '@powernode/ledger'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { grow, KEYS, ORIGIN, PEER } from '../files/testing/grow.ts'
import * as sealed from '../store/sealed.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { exportHandlers } from './export.ts'

const THEIRS = '019f0000-0000-7000-8000-00000000cafe'
let database: TestDatabase<Tables>
beforeAll(async () => {
  database = await testLedger()
  await grow(database.db, 66_000)
})
afterAll(() => database.drop())

type Asked = { log?: string; payloads?: boolean; mirror?: boolean; start?: bigint }

async function exported(asked: Asked = {}, into = new Map<string, Uint8Array>()) {
  const handlers = exportHandlers({ db: database.db, clock: systemClock })
  const done: number[] = []
  const request = { $typeName: 'powernode.audit.v1.ExportLogRequest', log: PEER, payloads: false, mirror: false, start: 0n, ...asked } as const // prettier-ignore
  let parts: Uint8Array[] = []
  for await (const { path = '', content = new Uint8Array(), more, done: so } of handlers.exportLog(
    request,
    {} as never,
  )) {
    parts.push(content)
    done.push(Number(so))
    if (more) continue
    into.set(path, Buffer.concat(parts))
    parts = []
  }
  return { files: into, done }
}

const verified = (files: ReadonlyMap<string, Uint8Array>) => verifyDirectory(filesOf(files), [KEYS.verifierOf(ORIGIN)])

test('a log comes as the files that verify it, with its checkpoint last, and says how far it has come', async () => {
  const { files, done } = await exported()
  expect([...files.keys()].at(-1)).toBe('checkpoint')
  expect(files.has('tile/1/000')).toBe(true)
  expect(await verified(files)).toMatchObject({
    intact: true,
    entries: 66_000,
    payloads: { checked: 0, absent: 66_000 },
  })
  expect(done).toEqual(done.toSorted((a, b) => a - b))
  expect(done.at(-1)).toBe(66_000)
})

test('with payloads, each is checked against its entry', async () => {
  const { files } = await exported({ payloads: true, start: 65_536n })
  expect(files.has('tile/entries/255')).toBe(false)
  const { files: all } = await exported({}, files)
  const report = await verified(all)
  expect(report).toMatchObject({ intact: true, payloads: { checked: 66_000 - 65_536, absent: 65_536 } })
})

test('an export goes on where one ended', async () => {
  const { files } = await exported()
  await grow(database.db, 700)
  const { files: rest } = await exported({ start: 65_792n })
  expect(rest.size).toBeLessThan(20)
  expect(await verified(new Map([...files, ...rest]))).toMatchObject({ intact: true, entries: 66_700 })
})

test('a peer’s log comes from the mirror, with the peer’s own checkpoint', async () => {
  await mirrorOwnLogAs(THEIRS)
  const { files } = await exported({ log: THEIRS, mirror: true, payloads: true })
  expect(await verified(files)).toMatchObject({ intact: true, entries: 66_700, payloads: { checked: 1 } })
})

test('a log that nobody knows, or of which nothing is mirrored, is refused', async () => {
  await expectRefusal(exported({ log: '019f0000-0000-7000-8000-00000000dead' }), 'LOG_NOT_FOUND')
  await expectRefusal(exported({ mirror: true }), 'LOG_NOT_FOUND')
})

test('an entry that was altered ends the export, and no checkpoint comes', async () => {
  const db = openDb<Tables>({ url: database.ownerUrl, schema: 'audit_ledger', applicationName: 'somebody who may' })
  await sql`alter table entry disable trigger user`.execute(db)
  const forged = sql`convert_to(replace(convert_from(leaf, 'UTF8'), 'allowed', 'refused'), 'UTF8')`
  await sql`update entry set leaf = ${forged}, leaf_hash = sha256('\\x00'::bytea || ${forged}) where sequence = 600`.execute(
    db,
  )
  await db.destroy()
  const files = new Map<string, Uint8Array>()
  await expect(exported({}, files)).rejects.toThrow(/entry 600 is not the one/)
  expect(files.has('checkpoint')).toBe(false)
})

/** Fills the mirror of a peer with what our own log holds: a peer that wrote just the same. */
async function mirrorOwnLogAs(peerId: string): Promise<void> {
  await inTransaction(database.db, async (tx) => {
    const head = await sealed.headNamed(tx, { name: PEER })
    if (!head) throw new Error('nothing is signed')
    await sql`
      insert into mirror_entry (peer_id, sequence, at, direction, allowed, content_id, resource, leaf, leaf_hash)
      select ${peerId}, sequence, at, direction, true, null, null, leaf, leaf_hash from entry where log_id = ${head.logId}`.execute(
      tx,
    )
    await sql`
      insert into mirror_payload (peer_id, sequence, salt, body)
      select ${peerId}, sequence, salt, convert_to(body, 'UTF8') from payload where log_id = ${head.logId} and sequence = 3`.execute(
      tx,
    )
    await sql`
      insert into mirror_tile select ${peerId}, level, position, hashes, root from tile where log_id = ${head.logId}`.execute(
      tx,
    )
    await sql`
      insert into mirror_head (peer_id, size, root, bytes, checkpoint, checkpoint_size, at)
      values (${peerId}, ${head.size}, ${head.root}, 0, ${head.note}, ${head.size}, ${systemClock.now()})`.execute(tx)
  })
}
