import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseUrl } from './database-url.ts'
import { prepareDatabase } from './prepare-database.ts'
import { drawPassword, scramVerifier } from './scram.ts'
import { adminUrl, as } from './testing/fixtures.ts'

// Roles belong to the whole server: these get names of their own.
const mark = randomBytes(4).toString('hex')
const [ledger, registry] = [`ledger_${mark}`, `registry_${mark}`]
const [database, other] = [`test_prepare_${mark}`, `test_prepare_other_${mark}`]
const passwords = { ownerPassword: `owner-${mark}`, servicePassword: `service-${mark}` }
const schemas = [ledger, registry].map((schema) => ({ schema, ...passwords }))

const login = (user: string, password: string, to = database) =>
  databaseUrl(adminUrl(), { database: to, user, password })
const owner = login(`${ledger}_owner`, passwords.ownerPassword)
const service = login(ledger, passwords.servicePassword)
const stranger = login(registry, passwords.servicePassword)

beforeAll(async () => {
  await Promise.all(Array.from({ length: 5 }, () => prepareDatabase({ adminUrl: adminUrl(), database, schemas })))
  await prepareDatabase({ adminUrl: adminUrl(), database: other, schemas: [{ schema: registry, ...passwords }] })
  await as(
    owner,
    'create table entry (id int)',
    `grant select, insert on entry to ${ledger}`,
    `create function answer() returns int language plpgsql as 'begin return 42; end'`,
  )
})
afterAll(async () => {
  await as(adminUrl(), `drop database ${database} with (force)`, `drop database ${other} with (force)`)
  const roles = [ledger, registry].flatMap((schema) => [schema, `${schema}_owner`])
  await as(adminUrl(), `drop role ${roles.join(', ')}`)
})

test('the service does what it was granted, in its schema, without naming it', async () => {
  expect(await as(service, 'insert into entry values (1)', 'select id from entry')).toEqual([{ id: 1 }])
})

test.each([
  ['change what it may only add to', service, 'update entry set id = 2'],
  ['empty a table', service, 'truncate entry'],
  ['create a table', service, 'create table mine (id int)'],
  ['create a table in public', service, 'create table public.mine (id int)'],
  ['create a temporary table', service, 'create temporary table mine (id int)'],
  ['create a schema', service, 'create schema mine'],
  ['run code of its own', service, `do 'begin end'`],
  ['call a function it was not granted', service, 'select answer()'],
  ['become the owner', service, `set role ${ledger}_owner`],
  ['read passwords', service, 'select rolpassword from pg_authid'],
  ['read files', service, `select pg_read_file('PG_VERSION')`],
  ['read the schema of another service', stranger, `select id from ${ledger}.entry`],
])('a service cannot %s', async (_, who, statement) => {
  await expect(as(who, statement)).rejects.toThrow(/permission denied/)
})

test('the owner can do the same: the refusals above can fail', async () => {
  const statements = ['update entry set id = 2', 'create table mine (id int)', 'truncate mine', `do 'begin end'`]
  expect(await as(owner, ...statements, 'select answer()')).toEqual([{ answer: 42 }])
})

test('a role connects only to a database it has a schema in', async () => {
  await expect(as(login(ledger, passwords.servicePassword, other), 'select 1')).rejects.toThrow(/permission denied/)
  expect(await as(login(registry, passwords.servicePassword, other), 'select 1 as one')).toEqual([{ one: 1 }])
})

test('the server knows no password, only what checks one', async () => {
  const [row] = await as(adminUrl(), `select rolpassword as stored from pg_authid where rolname = '${ledger}'`)
  expect(row?.['stored']).toMatch(/^SCRAM-SHA-256\$4096:/)
  await expect(as(login(ledger, 'wrong'), 'select 1')).rejects.toThrow('password authentication failed')
})

test('what a platform drew needs no thousand iterations, for which each connection would pay; what anybody else wrote has them', async () => {
  for (const own of [
    'correct-horse-battery-staple-now',
    randomBytes(24).toString('base64url'),
    `drawn-${'a'.repeat(31)}`,
  ])
    expect(scramVerifier(own)).toMatch(/^SCRAM-SHA-256\$4096:/)
  const drawn = drawPassword()
  await prepareDatabase({ adminUrl: adminUrl(), database: other, schemas: [{ schema: registry, ownerPassword: drawn, servicePassword: drawn }] }) // prettier-ignore
  const [row] = await as(adminUrl(), `select rolpassword as stored from pg_authid where rolname = '${registry}'`)
  expect(row?.['stored']).toMatch(/^SCRAM-SHA-256\$64:/)
  expect(await as(login(registry, drawn, other), 'select 1 as one')).toEqual([{ one: 1 }])
})

test('run again it mends what was loosened, sets a new password and loses nothing', async () => {
  const inside = databaseUrl(adminUrl(), { database, user: 'postgres', password: new URL(adminUrl()).password })
  await as(inside, `alter role ${ledger} createdb`, `grant all on schema ${ledger} to public`)
  await as(inside, `grant all on database ${database} to public`)
  const renewed = schemas.map((roles) => ({ ...roles, servicePassword: 'renewed' }))
  await prepareDatabase({ adminUrl: adminUrl(), database, schemas: renewed })

  expect(await as(login(ledger, 'renewed'), 'select id from entry')).toEqual([{ id: 2 }])
  await expect(as(service, 'select 1')).rejects.toThrow('password authentication failed')
  for (const statement of ['create table mine2 (id int)', 'create schema mine', 'create database mine']) {
    await expect(as(login(ledger, 'renewed'), statement)).rejects.toThrow(/permission denied/)
  }
})

test('a fenced database is left alone: whoever may not log in still may not', async () => {
  const fenced = `test_prepare_fenced_${mark}`
  const [schema, prepare] = [`fenced_${mark}`, () => prepareDatabase({ adminUrl: adminUrl(), database: fenced, schemas: [{ schema, ...passwords }] })] // prettier-ignore
  await prepare()
  try {
    await as(
      adminUrl(),
      `alter database ${fenced} set default_transaction_read_only = on`,
      `alter role ${schema} nologin`,
    )
    await expect(prepare()).rejects.toThrow(/is fenced/)
    await expect(as(login(schema, passwords.servicePassword, fenced), 'select 1')).rejects.toThrow(
      /not permitted to log in/,
    )
  } finally {
    await as(adminUrl(), `drop database ${fenced} with (force)`, `drop role ${schema}, ${schema}_owner`)
  }
})

test.each(['', 'with space', 'snow☃'])(
  'a password that would be altered on its way is refused: %j',
  async (password) => {
    const preparing = prepareDatabase({
      adminUrl: adminUrl(),
      database,
      schemas: [{ schema: ledger, ownerPassword: password, servicePassword: password }],
    })
    await expect(preparing).rejects.toThrow('printable ASCII')
  },
)
