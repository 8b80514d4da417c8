/**
 * What the tests need beside themselves, on free ports and in a directory of its own: two runs side by side do not meet.
 *
 * One Postgres for the whole run, in which each test file clones its own database (@powernode/postgres/testing); and the
 * seed of whole platforms, each of which has a Postgres of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '@powernode/dev/nats'
import { removePostgres, startPostgres } from '@powernode/dev/postgres'
import { prepareSeed, storageDir } from './directories.ts'

export default async function setup(): Promise<() => Promise<void>> {
  const stop = new AbortController()
  const base = mkdtempSync(join(storageDir(), 'powernode-test-'))
  const dir = join(base, 'postgres')
  const seedDir = join(base, 'seed')
  const [postgres, natsServer, seed] = await Promise.all([
    startPostgres({ dir, fast: true }, stop.signal),
    findNatsServer(fileURLToPath(new URL('../.cache/bin', import.meta.url))),
    prepareSeed(seedDir),
  ])
  process.env['POWERNODE_TEST_PG_URL'] = postgres.url
  process.env['NATS_SERVER'] = natsServer
  if (seed) process.env['POWERNODE_TEST_SEED'] = seed

  return async () => {
    await postgres.stop()
    for (const each of [dir, join(seedDir, 'postgres')]) removePostgres(each)
    rmSync(base, { recursive: true, force: true })
  }
}
