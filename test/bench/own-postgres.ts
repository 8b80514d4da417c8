import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removePostgres, startPostgres } from '@powernode/dev/postgres'

/**
 * Runs `work` with a Postgres of its own that writes through to the disk, as a real one does.
 *
 * The tests' Postgres answers before anything is on disk; a figure measured on it would say nothing.
 */
export async function withPostgres<R>(work: (server: { readonly pid: number }) => Promise<R>): Promise<R> {
  const base = mkdtempSync(join(tmpdir(), 'powernode-bench-'))
  const dir = join(base, 'postgres')
  const settings = { shared_buffers: '512MB', max_wal_size: '2GB' }
  const postgres = await startPostgres({ dir, settings }, new AbortController().signal)
  process.env['POWERNODE_TEST_PG_URL'] = postgres.url
  try {
    return await work(postgres)
  } finally {
    await postgres.stop()
    removePostgres(dir)
    rmSync(base, { recursive: true, force: true })
  }
}
