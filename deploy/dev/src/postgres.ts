import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { HAS_SETPRIV, startChild, type Child } from './child.ts'
import { freePort } from './free-port.ts'
import { claimDirectory, commandLineOf, isAlive, isCode } from './owner.ts'
import { accessArguments, writeCertificate } from './postgres-access.ts'
import { postgresHome } from './postgres-binaries.ts'
import { removeRefuge, serverUser, type ServerUser } from './server-user.ts'

export type PostgresOptions = {
  /** Everything of this server lies here; made when missing. */
  readonly dir: string
  /** A free one when not given. */
  readonly port?: number | undefined
  /** Settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** For tests: answers before anything is on disk. A crash of the machine may lose or tear the data. */
  readonly fast?: boolean
  /** cert.pem, key.pem and roots.pem of this server: with them it answers over TLS too. */
  readonly identityDir?: string | undefined
}

export type Postgres = {
  /** The superuser's, over TCP with a password. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends all sessions and shuts down in order; gives the directory back. */
  stop(): Promise<void>
  /** Has it show the certificate that lies in the directory now. Connections stay. */
  useIdentity(dir: string): void
  /** Kill -9, as bad luck would. The directory stays claimed until `stop`. */
  kill(): void
  /** Resolves when the server has ended, for whatever reason. */
  readonly exited: Promise<unknown>
}

/**
 * Starts a Postgres of our own and waits until it answers.
 *
 * Data checksums, scram-sha-256 over 127.0.0.1 and no socket file. MUST be the only one on `dir`: a living owner is
 * refused with `InUse`; a server that a killed owner left behind is stopped first.
 */
export async function startPostgres(options: PostgresOptions, signal: AbortSignal): Promise<Postgres> {
  signal.throwIfAborted()
  const release = claimDirectory(options.dir)
  try {
    const user = serverUser(postgresHome(), options.dir)
    const data = join(user.base, 'data')
    await stopOrphan(data)
    const password = await initialise(user, data, options)
    if (options.identityDir !== undefined) writeCertificate(user, data, options.identityDir)
    const { child, port } = await launch(user, data, options, signal)
    const useIdentity = (dir: string) => {
      writeCertificate(user, data, dir)
      child.signal('SIGHUP')
    }
    const stop = async () => {
      signal.removeEventListener('abort', onAbort)
      await child.stop()
      release()
    }
    const onAbort = () => child.signal('SIGINT')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
    return { url, port, pid: child.pid, stop, useIdentity, kill: () => child.kill(), exited: child.exited }
  } catch (error) {
    release()
    throw error
  }
}

/** Removes a stopped server's directory, and what lies elsewhere on its behalf. */
export function removePostgres(dir: string): void {
  removeRefuge(dir)
  rmSync(dir, { recursive: true, force: true })
}

/** Makes the cluster, once. It appears under its own name only when it is whole. */
async function initialise(user: ServerUser, data: string, { dir, fast, settings }: PostgresOptions): Promise<string> {
  const unsynced = fast === true || settings?.['fsync'] === 'off'
  const passwordFile = join(dir, 'superuser.password')
  if (!existsSync(passwordFile)) writeWhole(passwordFile, randomBytes(24).toString('base64url'))
  const password = readFileSync(passwordFile, 'utf8').trim()
  if (existsSync(data)) return password

  const unfinished = `${data}.unfinished`
  const passwordCopy = join(user.base, 'initdb.password')
  rmSync(unfinished, { recursive: true, force: true })
  rmSync(passwordCopy, { force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  writeFileSync(passwordCopy, password, { mode: 0o600, flag: 'wx' })
  user.own(unfinished)
  user.own(passwordCopy)
  const args = ['-D', unfinished, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordCopy}`]
  const flags = ['--data-checksums', '-E', 'UTF8', '--locale=C', ...(unsynced ? ['--no-sync'] : [])]
  const command = [join(user.home, 'bin', 'initdb'), ...args, ...flags]
  const [file = '', ...rest] = HAS_SETPRIV ? ['setpriv', ...user.privileges, '--', ...command] : command
  await promisify(execFile)(file, rest, { env: ENV, cwd: '/', ...(HAS_SETPRIV ? {} : user.user) }).catch((cause) => {
    throw new Error(`initdb failed: ${isCode(cause, 'ENOENT') ? cause.message : (cause.stderr ?? cause.message)}`, {
      cause,
    })
  })
  rmSync(passwordCopy)
  renameSync(unfinished, data)
  return password
}

async function launch(user: ServerUser, data: string, options: PostgresOptions, signal: AbortSignal) {
  const deadline = performance.now() + 60_000
  const access = accessArguments(user, data)
  for (;;) {
    const port = options.port ?? (await freePort())
    const logFile = join(options.dir, 'postgres.log')
    const logStart = existsSync(logFile) ? readFileSync(logFile).length : 0
    const settings = { ...SETTINGS, ...(options.fast ? FAST : {}), ...options.settings, port: String(port) }
    const child = await startChild({
      command: join(user.home, 'bin', 'postgres'),
      args: ['-D', data, ...access, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: ENV,
      cwd: '/',
      logFile,
      stopSignal: 'SIGINT', // "fast" shutdown: sessions are ended, a checkpoint is written
      graceMs: 30_000,
      privileges: user.privileges,
      user: user.user,
    })
    if (await ready(child, data, signal)) return { child, port }
    await child.stop()
    signal.throwIfAborted()
    const said = readFileSync(logFile).subarray(logStart).toString()
    // Sessions of a postmaster that was killed end by themselves a moment later.
    const passing = /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(said)
    const portTaken = /could not bind|Address already in use/.test(said)
    if (performance.now() > deadline || !(passing || (portTaken && options.port === undefined))) {
      if (portTaken) throw new PortTaken(port)
      throw new Error(`Postgres did not start (${logFile}): ${said.trim().split('\n').slice(-5).join(' | ')}`)
    }
    await wait(50)
  }
}

/** Thrown when somebody else listens on the port asked for. */
export class PortTaken extends Error {
  override name = 'PortTaken'
  readonly port: number
  constructor(port: number) {
    super(`port ${port} is taken by another program`)
    this.port = port
  }
}

/** Waits until the postmaster writes "ready" into its lock file (its 8th line, as pg_ctl reads it) or ends. */
async function ready(child: Child, data: string, signal: AbortSignal): Promise<boolean> {
  let ended = false
  void child.exited.then(() => (ended = true))
  while (!ended && !signal.aborted) {
    const lines = postmaster(data)
    if (lines?.[0]?.trim() === String(child.pid) && lines[7]?.trim() === 'ready') return true
    await Promise.race([wait(10), child.exited])
  }
  return false
}

/** A postmaster whose launcher is gone may still run, or its number may be somebody else's by now. */
async function stopOrphan(data: string): Promise<void> {
  const pid = Number(postmaster(data)?.[0] ?? 0)
  const runs = () => pid > 0 && isAlive(pid) && commandLineOf(pid).includes(`-D ${data} `)
  for (const [signal, tries] of [
    ['SIGINT', 500],
    ['SIGKILL', 200],
  ] as const) {
    if (runs()) process.kill(pid, signal)
    for (let i = 0; i < tries && runs(); i++) await wait(20)
  }
  if (runs()) throw new Error(`the old Postgres ${pid} in ${data} does not end: stop it by hand`)
  rmSync(join(data, 'postmaster.pid'), { force: true })
}

function postmaster(data: string): string[] | undefined {
  const file = join(data, 'postmaster.pid')
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

const ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  logging_collector: 'off',
  log_line_prefix: '%m [%p] %a ',
  log_min_messages: 'warning',
  log_connections: '',
  timezone: 'UTC',
  jit: 'off',
  max_wal_size: '512MB',
  // Iterations guard what a person can think of. Our passwords are 24 random bytes, and every connection pays for each of them.
  scram_iterations: '64',
  // Members of the cluster follow by slots. A member that stays away may fill this much, and no more.
  max_wal_senders: '64',
  max_replication_slots: '64',
  max_slot_wal_keep_size: '1GB',
}

const FAST = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '10min',
}
