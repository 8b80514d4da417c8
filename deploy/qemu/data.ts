import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepareDatabases } from '../dev/src/database.ts'
import { layOut } from '../dev/src/layout.ts'
import { removePostgres, startPostgres } from '../dev/src/postgres.ts'
import { run } from './run.ts'

/**
 * Lays out the disk that each child gets a copy of: a database with its schemas, and nobody's identity.
 *
 * initdb and the migrations are the same for every child and are half a minute without KVM. Whatever makes one child
 * differ from another stays out of it: no key, no certificate, no row of its own. The passwords of the roles are drawn at
 * the first start (deploy/dev/src/database.ts); that of the superuser is in the image, so it is marked as shared and
 * changed before the child serves (deploy/child/own-password.ts).
 */
export async function layOutData(to: string, work: string): Promise<void> {
  const dir = join(work, 'platform')
  const { layout, release } = await layOut({ dir, name: 'child', trustDomain: 'image.invalid' })
  try {
    const server = await startPostgres({ dir: join(dir, 'postgres'), port: layout.ports.postgres }, NEVER)
    try {
      await prepareDatabases(layout, server.url)
    } finally {
      await server.stop()
    }
  } finally {
    release()
  }
  const elsewhere = join(dir, 'postgres', 'elsewhere')
  const base = existsSync(elsewhere) ? readFileSync(elsewhere, 'utf8').trim() : join(dir, 'postgres')
  const postgres = join(to, 'platform', 'postgres')
  mkdirSync(postgres, { recursive: true, mode: 0o711 })
  await run('cp', ['-a', join(base, 'data'), join(postgres, 'data')]) // keeps modes, which Postgres judges
  cpSync(join(dir, 'postgres', 'superuser.password'), join(postgres, 'superuser.password'))
  writeFileSync(join(postgres, 'superuser.shared'), '')
  removePostgres(join(dir, 'postgres'))
  rmSync(dir, { recursive: true, force: true })
}

const NEVER = new AbortController().signal
