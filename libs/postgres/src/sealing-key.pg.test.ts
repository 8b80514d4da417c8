import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inTransaction } from './in-transaction.ts'
import { adoptSealingKey, replacedBy, requireNewestSealingKey, SEALING_KEY_SQL } from './sealing-key.ts'
import { testDatabase, type TestDatabase } from './testing.ts'

const SCHEMA = 'sealing_test'
const migrations = mkdtempSync(join(tmpdir(), 'powernode-test-sealing-'))
writeFileSync(
  join(migrations, '0001_sealing.sql'),
  `-- breaking: no
${SEALING_KEY_SQL}
create table secret (id integer primary key, note text not null default '', sealed bytea, other_sealed bytea);
create trigger secret_sealed before insert or update of sealed, other_sealed on secret
  for each row execute function sealed_under_newest('sealed', 'other_sealed');
grant usage on schema ${SCHEMA} to ${SCHEMA};
grant select, update on sealing_key to ${SCHEMA};
grant select, insert, update on secret to ${SCHEMA};
`,
)

let database: TestDatabase<object>
beforeEach(async () => {
  database = await testDatabase<object>({ schema: SCHEMA, dir: migrations })
})
afterEach(() => database.drop())

const [A, B, C] = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'].map((hex) => Buffer.from(hex, 'hex')) as [Buffer, Buffer, Buffer]

type Other = { readonly previous?: Buffer; readonly lost?: Buffer }

/** A process that was given a key, and whatever else. */
const holding = (current: Buffer, { previous, lost }: Other = {}) => ({ ids: { current, previous, lost } })

const starts = (current: Buffer, other: Other & { readonly opensAll?: boolean } = {}) =>
  inTransaction(
    database.db,
    async (tx) => (await adoptSealingKey(tx, holding(current, other), async () => other.opensAll === true)).standing,
  )

/** As libs/identity seals: what stands behind the id of the key is nothing to the database. */
const sealedUnder = (key: Buffer) => Buffer.concat([Buffer.from([1]), key, Buffer.alloc(28)])

const keeps = (id: number, key: Buffer) =>
  inTransaction(database.db, (tx) =>
    sql`insert into secret (id, sealed) values (${id}, ${sealedUnder(key)})`.execute(tx),
  )

describe('the newest sealing key', () => {
  test('is the first that comes, and then the one whose process holds the one before, as often as it is replaced', async () => {
    expect(await starts(A)).toBe('newest')
    expect(await starts(A)).toBe('newest')
    expect(await starts(B, { previous: A })).toBe('newest')
    expect(await starts(A, { opensAll: true }), 'a replica that starts again with the old key alone').toBe('replaced')
    expect(await replacedBy(database.db, holding(A))).toBe('bbbbbbbb')
    expect(await replacedBy(database.db, holding(B))).toBe(undefined)
    expect(await starts(A, { previous: B }), 'back again, on purpose').toBe('newest')
    expect(await starts(B)).toBe('replaced')
  })

  test('is no key that nobody knows, unless nothing needs the one before, or that was given up by its id', async () => {
    await starts(A)
    expect(await starts(B)).toBe('unknown')
    expect(await starts(B, { lost: C })).toBe('unknown')
    expect(await starts(A)).toBe('newest')
    expect(await starts(B, { opensAll: true })).toBe('newest')
    expect(await starts(C, { lost: B })).toBe('newest')
    expect(await starts(A, { lost: B }), 'said once, it is not said of another').toBe('replaced')
  })
})

describe('what is sealed under a key that was replaced', () => {
  test('is not kept, whoever asks; what rests under it stays as long as nobody touches it, and may go', async () => {
    await keeps(1, A)
    await starts(A)
    await starts(B, { previous: A })
    await expect(keeps(2, A)).rejects.toMatchObject({ name: 'SealingKeyReplaced', message: expect.stringContaining('bbbbbbbb') }) // prettier-ignore
    await keeps(3, B)
    const under = (key: Buffer) => sql`update secret set note = 'x', sealed = ${sealedUnder(key)}, other_sealed = null where id = 1` // prettier-ignore
    await inTransaction(database.db, (tx) => under(A).execute(tx))
    await inTransaction(database.db, (tx) => under(B).execute(tx))
    await expect(inTransaction(database.db, (tx) => under(A).execute(tx))).rejects.toThrow('the newest sealing key is')
    const requires = (key: Buffer) => inTransaction(database.db, (tx) => requireNewestSealingKey(tx, holding(key)))
    await requires(B)
    await expect(requires(A)).rejects.toMatchObject({ name: 'SealingKeyReplaced' })
  })

  test('and not committed yet is waited for by whoever replaces the key, and seen', async () => {
    await starts(A)
    const { seen } = await inTransaction(database.db, async (tx) => {
      await sql`insert into secret (id, sealed) values (1, ${sealedUnder(A)})`.execute(tx)
      const replacing = inTransaction(database.db, async (other) => {
        await adoptSealingKey(other, holding(B, { previous: A }), async () => false)
        return (await sql<{ id: number }>`select id from secret`.execute(other)).rows
      })
      return { seen: replacing } // not waited for: it waits for us
    })
    expect(await seen).toEqual([{ id: 1 }])
    await expect(keeps(2, A)).rejects.toMatchObject({ name: 'SealingKeyReplaced' })
  })
})
