import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate, OtherVersion } from './migrate.ts'
import { openDb, type Db } from './open-db.ts'
import { prepareDatabase } from './prepare-database.ts'
import { requireSchema, SchemaMismatch } from './require-schema.ts'
import { databaseUrl } from './database-url.ts'
import { TEST_PASSWORDS } from './testing.ts'
import { adminUrl, as, migrationsIn } from './testing/fixtures.ts'

const schema = 'fixture'
const ONE = { '0001_a.sql': '-- breaking: no\ncreate table a (id int);\ngrant select on a to fixture;\n' }
const TWO = { ...ONE, '0002_b.sql': '-- breaking: no\ncreate table b (id int);\n' }

let database: string
let url: string
let db: Db<unknown>

beforeEach(async () => {
  database = `test_migrate_${randomBytes(6).toString('hex')}`
  await prepareDatabase({ adminUrl: adminUrl(), database, schemas: [{ schema, ...TEST_PASSWORDS }] })
  const login = (user: string, password: string) => databaseUrl(adminUrl(), { database, user, password })
  url = login('fixture_owner', TEST_PASSWORDS.ownerPassword)
  db = openDb({ url: login('fixture', TEST_PASSWORDS.servicePassword), schema, applicationName: 'test' })
})
afterEach(async () => {
  await db.destroy()
  await as(adminUrl(), `drop database ${database} with (force)`)
})

const run = (files: Record<string, string>) => migrate({ url, schema, dir: migrationsIn(files), role: schema })
const require = (files: Record<string, string>) => requireSchema(db, schema, migrationsIn(files))
const tables = async () =>
  (await as(url, `select tablename from pg_tables where schemaname = 'fixture' order by 1`)).map(
    (row) => row['tablename'],
  )

describe('migrate', () => {
  test('applies what is missing, in order, and nothing twice', async () => {
    expect(await run(ONE)).toEqual(['0001_a.sql'])
    expect(await run(TWO)).toEqual(['0002_b.sql'])
    expect(await run(TWO)).toEqual([])
    expect(await tables()).toEqual(['a', 'b', 'migration'])
  })

  test('twenty at once apply each step once', async () => {
    const applied = await Promise.all(Array.from({ length: 20 }, () => run(TWO)))
    expect(applied.flat()).toEqual(['0001_a.sql', '0002_b.sql'])
  })

  test('a step that fails leaves nothing of itself, and keeps those before it', async () => {
    const broken = { ...ONE, '0002_b.sql': '-- breaking: no\ncreate table b (id int);\nselect 1/0;\n' }
    await expect(run(broken)).rejects.toThrow('migration 0002_b.sql failed')
    expect(await tables()).toEqual(['a', 'migration'])
    expect(await run(TWO)).toEqual(['0002_b.sql'])
  })

  test('a step edited after it was applied is refused', async () => {
    await run(ONE)
    await expect(run({ '0001_a.sql': `${ONE['0001_a.sql']}-- edited\n` })).rejects.toThrow(OtherVersion)
  })

  test('a step that comes before one already applied is refused', async () => {
    await run(TWO)
    const other = { ...ONE, '0002_aa.sql': '-- breaking: no\nselect 1;\n' }
    await expect(run(other)).rejects.toThrow('give it a later number')
  })

  test('an older release may migrate a newer schema: nothing happens', async () => {
    await run(TWO)
    expect(await run(ONE)).toEqual([])
  })
})

describe('a service starts', () => {
  test('on exactly its schema', async () => {
    await run(TWO)
    await expect(require(TWO)).resolves.toBeUndefined()
  })

  test('not on a schema that is behind, or was never migrated', async () => {
    await expect(require(ONE)).rejects.toThrow('schema fixture is behind: run its migrations (0001_a.sql not applied)')
    await run(ONE)
    await expect(require(TWO)).rejects.toThrow(SchemaMismatch)
  })

  test('on a schema that is ahead by a step that breaks nothing', async () => {
    await run(TWO)
    await expect(require(ONE)).resolves.toBeUndefined()
  })

  test('not on a schema that is ahead by a breaking step', async () => {
    await run({ ...ONE, '0002_b.sql': '-- breaking: yes, because a is gone\ndrop table a;\n' })
    await expect(require(ONE)).rejects.toThrow('ahead by 0002_b.sql')
  })

  test('not on a schema built from another wording', async () => {
    await run(ONE)
    await expect(require({ '0001_a.sql': `${ONE['0001_a.sql']}-- other\n` })).rejects.toThrow('another wording')
  })
})
