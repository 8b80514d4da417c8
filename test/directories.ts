import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { prepareDatabases } from '@powernode/dev/database'
import { layOut } from '@powernode/dev/layout'
import { startPostgres } from '@powernode/dev/postgres'

const IN_MEMORY = '/dev/shm'
const ROOM_BYTES = 4 * 2 ** 30

/**
 * Where the tests' servers keep what they store: in memory where there is room, since copying and dropping databases by the
 * thousand is half of what a run does, and else among the temporary files. Who tests what a disk does names a place on it.
 */
export function storageDir(): string {
  const hasRoom = () => {
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize >= ROOM_BYTES && process.availableMemory() >= ROOM_BYTES
  }
  return process.env['POWERNODE_TEST_STORAGE'] ?? (existsSync(IN_MEMORY) && hasRoom() ? IN_MEMORY : tmpdir())
}

/**
 * Lays out a platform that was never started, with a database that holds every schema: platforms of the tests begin with a
 * copy of it. Undefined where the database's user may not reach the place, and its files would lie elsewhere.
 */
export async function prepareSeed(dir: string): Promise<string | undefined> {
  const { layout, release } = await layOut({ dir, name: 'seed', trustDomain: 'seed.example' })
  release()
  const own = join(dir, 'postgres')
  const server = await startPostgres(
    { dir: own, port: layout.ports.postgres, fast: true },
    new AbortController().signal,
  )
  await prepareDatabases(layout, server.url)
  await server.stop()
  for (const part of ['platform.json', 'postgres/postgres.log']) rmSync(join(dir, part), { force: true })
  return existsSync(join(own, 'elsewhere')) ? undefined : dir
}

/**
 * A directory for a platform to start in: it finds its database as after a stop, when there is a seed, and has its identity
 * still to make.
 */
export async function platformDir(name: string, seed = process.env['POWERNODE_TEST_SEED']): Promise<string> {
  const dir = mkdtempSync(join(storageDir(), `powernode-mesh-${name}-`))
  if (seed) await promisify(execFile)('cp', ['-a', `${seed}/.`, dir]) // with their owners
  return dir
}
