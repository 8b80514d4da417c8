/** `node deploy/dev/run.mjs test/schema.ts --write`: dumps every service's schema.sql, the sum of its migrations. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removePostgres, startPostgres } from '@powernode/dev/postgres'
import { describeSchema } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'

type Described = { readonly file: string; readonly text: string }

/** One line for each schema.sql that is not what the migrations beside it add up to. */
export async function staleSchemas(root: string): Promise<string[]> {
  const described = await describeAll(root)
  return described
    .filter(({ file, text }) => !existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== text)
    .map(({ file }) => `${file} is not the sum of its migrations`)
}

/** Runs the migrations of every service on an empty Postgres of our own, and describes what stands there then. */
async function describeAll(root: string): Promise<Described[]> {
  const services = readdirSync(join(root, 'services')).filter((name) =>
    existsSync(join(root, 'services', name, 'migrations')),
  )
  const base = mkdtempSync(join(tmpdir(), 'powernode-schema-'))
  const dir = join(base, 'postgres')
  const postgres = await startPostgres({ dir, fast: true }, new AbortController().signal)
  process.env['POWERNODE_TEST_PG_URL'] = postgres.url
  try {
    const described: Described[] = []
    for (const service of services) described.push(await describe(root, service))
    return described
  } finally {
    await postgres.stop()
    removePostgres(dir)
    rmSync(base, { recursive: true, force: true })
  }
}

async function describe(root: string, service: string): Promise<Described> {
  const schema = service.replaceAll('-', '_')
  const database = await testDatabase({ schema, dir: join(root, 'services', service, 'migrations') })
  try {
    return { file: `services/${service}/schema.sql`, text: await describeSchema(database.db, schema) }
  } finally {
    await database.drop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  if (process.argv.includes('--write'))
    for (const { file, text } of await describeAll(root)) writeFileSync(join(root, file), text)
  else for (const line of await staleSchemas(root)) process.stdout.write(`${line}\n`)
}
