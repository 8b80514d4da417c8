/**
 * What the tests need beside themselves, on free ports and in a directory of its own: two runs side by side do not meet.
 *
 * One Postgres for the whole run; each test file clones its own database in it (@powernode/postgres/testing).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNatsServer } from '@powernode/dev/nats'
import { removePostgres, startPostgres } from '@powernode/dev/postgres'

export default async function setup(): Promise<() => Promise<void>> {
  const stop = new AbortController()
  const base = mkdtempSync(join(tmpdir(), 'powernode-test-'))
  const dir = join(base, 'postgres')
  const [postgres, natsServer] = await Promise.all([
    startPostgres({ dir, fast: true }, stop.signal),
    findNatsServer(fileURLToPath(new URL('../.cache/bin', import.meta.url))),
  ])
  process.env['POWERNODE_TEST_PG_URL'] = postgres.url
  process.env['NATS_SERVER'] = natsServer

  return async () => {
    await postgres.stop()
    removePostgres(dir)
    rmSync(base, { recursive: true, force: true })
  }
}
