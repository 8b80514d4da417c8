import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Built when neither the machine nor its package archive has one. */
const GO_MODULE = 'github.com/nats-io/nats-server/v2@v2.12.3'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds a nats-server, fetching one when the machine has none.
 *
 * NATS_SERVER, then PATH (and sbin, where Debian puts it), then what was fetched before, then the Debian package
 * unpacked under `cacheDir` without root, then a build with Go. No npm package carries the server.
 */
export async function findNatsServer(
  cacheDir: string,
  progress: (doing: string) => void = () => undefined,
  env: Environment = process.env,
): Promise<string> {
  const named = env['NATS_SERVER']
  if (named !== undefined && named !== '') {
    if (answers(named)) return named
    throw new Error(`NATS_SERVER=${named} does not run: name a nats-server, or unset it`)
  }
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/local/bin']
  const cached = join(cacheDir, 'nats-server')
  const found = [...folders.map((folder) => join(folder, 'nats-server')), cached].find(answers)
  if (found !== undefined) return found

  mkdirSync(cacheDir, { recursive: true })
  const failures: string[] = []
  for (const [doing, fetch] of WAYS) {
    const work = mkdtempSync(join(cacheDir, 'nats-'))
    try {
      progress(doing)
      renameSync(await fetch(work, env), cached) // at once: another run may be looking
      if (answers(cached)) return cached
      failures.push(`${doing}: what came does not run`)
    } catch (error) {
      failures.push(`${doing}: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  throw new Error(
    [
      'nats-server (2.9 or later) is needed and could not be fetched.',
      ...failures.map((failure) => `  ${failure}`),
      'Install it (Debian, Ubuntu: apt-get install nats-server; macOS: brew install nats-server; or the file from',
      'https://github.com/nats-io/nats-server/releases), or name it with NATS_SERVER=/path/to/nats-server.',
    ].join('\n'),
  )
}

const WAYS: readonly (readonly [string, (work: string, env: Environment) => Promise<string>])[] = [
  ['fetching nats-server as a Debian package', (work) => debianPackage(work, [])],
  ['reading the package lists, then fetching nats-server', debianPackageWithOwnLists],
  ['building nats-server with Go', build],
]

/** Downloads the package with apt's own checks of its signature, and unpacks it beside, without installing it. */
async function debianPackage(work: string, options: readonly string[]): Promise<string> {
  await run('apt-get', [...QUIET, ...options, 'download', 'nats-server'], { cwd: work, timeout: 90_000 })
  const [file] = readdirSync(work).filter((name) => name.endsWith('.deb'))
  if (file === undefined) throw new Error('apt-get downloaded nothing')
  await run('dpkg-deb', ['-x', file, 'unpacked'], { cwd: work })
  const binary = ['usr/sbin/nats-server', 'usr/bin/nats-server']
    .map((path) => join(work, 'unpacked', path))
    .find(existsSync)
  if (binary === undefined) throw new Error('the package holds no nats-server')
  return binary
}

/** The same where the machine has no (or only old) package lists, with lists of our own, so that it needs no root. */
async function debianPackageWithOwnLists(work: string): Promise<string> {
  const [state, cache] = [join(work, 'state'), join(work, 'cache')]
  for (const dir of [join(state, 'lists/partial'), join(cache, 'archives/partial')]) mkdirSync(dir, { recursive: true })
  const settings = [`Dir::State=${state}`, 'Dir::State::status=/var/lib/dpkg/status', `Dir::Cache=${cache}`]
  const options = settings.flatMap((setting) => ['-o', setting])
  await run('apt-get', [...QUIET, ...options, 'update'], { cwd: work, timeout: 120_000 })
  return debianPackage(work, options)
}

/** As root apt would hand the download to a user of its own, who may be unable to reach the folder. */
const QUIET = ['-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=2']

async function build(work: string, env: Environment): Promise<string> {
  await run('go', ['install', GO_MODULE], { cwd: work, timeout: 300_000, env: { ...env, GOBIN: work, GOFLAGS: '' } })
  return join(work, 'nats-server')
}

function answers(binary: string): boolean {
  return (
    existsSync(binary) && /nats-server: v\d/.test(spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout ?? '')
  )
}
