import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One step of a schema, as its file says it. */
export type Migration = {
  readonly name: string
  readonly sql: string
  /** Whether code that does not know this step yet must not run beside it. */
  readonly breaking: boolean
  readonly digest: string
}

/** One step as the database remembers it. */
export type Applied = Omit<Migration, 'sql'>

const NAME = /^(\d{4})_[a-z0-9_]+\.sql$/
const HEADER = /^-- breaking: (no|yes, because .+)\n/

/**
 * Reads the migrations of a service, in order.
 *
 * Files are `0001_peer.sql`, `0002_….sql` …, without gaps or repeats, and begin with `-- breaking: no` or
 * `-- breaking: yes, because …`: a step whose effect on running code nobody thought about is refused.
 */
export async function readMigrations(dir: string | URL): Promise<readonly Migration[]> {
  const folder = dir instanceof URL ? fileURLToPath(dir) : dir
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  if (names.length === 0) throw new Error(`${folder} holds no migrations`)
  return Promise.all(
    names.map(async (name, at) => readMigration(name, await readFile(join(folder, name), 'utf8'), at + 1)),
  )
}

function readMigration(name: string, sql: string, position: number): Migration {
  const number = NAME.exec(name)?.[1]
  if (Number(number) !== position) {
    throw new Error(
      `migration ${name}: expected number ${String(position).padStart(4, '0')} and a name such as 0001_peer.sql`,
    )
  }
  const breaking = HEADER.exec(sql)?.[1]
  if (!breaking)
    throw new Error(`migration ${name}: must begin with "-- breaking: no" or "-- breaking: yes, because …"`)
  return { name, sql, breaking: breaking !== 'no', digest: createHash('sha256').update(sql).digest('hex') }
}

/** What makes history and files disagree: a step edited after it was applied. Undefined when they agree. */
export function editedStep(migrations: readonly Migration[], applied: readonly Applied[]): string | undefined {
  const digests = new Map(applied.map(({ name, digest }) => [name, digest]))
  return migrations.find(({ name, digest }) => digests.has(name) && digests.get(name) !== digest)?.name
}
