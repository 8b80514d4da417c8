import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { natsConfig } from '../../nats/config.ts'
import { type NatsUser } from '../../nats/permissions.ts'
import { startChild, type Child } from './child.ts'
import { freePort } from './free-port.ts'
import { claimDirectory, commandLineOf, isAlive } from './owner.ts'
import { PortTaken } from './postgres.ts'

export { findNatsServer } from './nats-binary.ts'

export type NatsOptions = {
  /** The nats-server to run, as `findNatsServer` found it. */
  readonly binary: string
  /** Configuration, log and JetStream's store lie here; made when missing. */
  readonly dir: string
  /** A free one when not given. */
  readonly port?: number | undefined
  /** Paths of PEM files. The clients' certificates are judged by `ca` too. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string }
  readonly account: string
  readonly users: readonly NatsUser[]
  /** SPIFFE URI of the user of the system account. */
  readonly systemUser?: string
}

export type Nats = {
  /** nats://127.0.0.1:<port>; the server speaks TLS only. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly exited: Promise<unknown>
  /** Shuts down in order and gives the directory back. */
  stop(): Promise<void>
  /** Kill -9. The directory stays claimed until `stop`. */
  kill(): void
  /** Reads certificates and users anew (SIGHUP); connections stay. */
  reload(): void
  /** Ends the server and loses all JetStream ever stored; start again on the same `dir` and port. */
  wipe(): Promise<void>
}

/** Starts a nats-server of our own and waits until it answers. MUST be the only one on `dir`, as with `startPostgres`. */
export async function startNats(options: NatsOptions, signal: AbortSignal): Promise<Nats> {
  signal.throwIfAborted()
  const release = claimDirectory(options.dir)
  try {
    await stopOrphan(options.dir)
    const { child, port } = await launch(options, signal)
    const onAbort = () => child.signal('SIGINT')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const stop = async () => {
      signal.removeEventListener('abort', onAbort)
      await child.stop()
      release()
    }
    const wipe = async () => {
      child.kill()
      await stop()
      rmSync(join(options.dir, 'store'), { recursive: true, force: true })
    }
    const url = `nats://127.0.0.1:${port}`
    const { pid, exited, kill } = child
    return { url, port, pid, exited, stop, kill, reload: () => child.signal('SIGHUP'), wipe }
  } catch (error) {
    release()
    throw error
  }
}

async function launch(options: NatsOptions, signal: AbortSignal): Promise<{ child: Child; port: number }> {
  const { dir, binary } = options
  const [configFile, logFile] = [join(dir, 'nats.conf'), join(dir, 'nats.log')]
  mkdirSync(join(dir, 'store'), { recursive: true, mode: 0o700 })
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const config = natsConfig({
      serverName: `powernode-${options.account.toLowerCase()}`,
      listen: { host: '127.0.0.1', port },
      storeDir: join(dir, 'store'),
      pidFile: join(dir, 'nats.pid'),
      tls: options.tls,
      account: options.account,
      users: options.users,
      ...(options.systemUser === undefined ? {} : { systemUser: options.systemUser }),
      syncAlways: atLeast(binary, 2, 10),
    })
    writeFileSync(configFile, config, { mode: 0o600 })
    const logStart = existsSync(logFile) ? readFileSync(logFile).length : 0
    const child = await startChild({
      command: binary,
      args: ['-c', configFile],
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC' },
      logFile,
      stopSignal: 'SIGINT',
    })
    if (await ready(child, port, signal)) return { child, port }
    await child.stop()
    signal.throwIfAborted()
    const said = readFileSync(logFile).subarray(logStart).toString()
    const portTaken = /address already in use/.test(said)
    if (portTaken && options.port !== undefined) throw new PortTaken(port)
    if (!portTaken || attempt === 5) {
      throw new Error(`nats-server did not start (${logFile}): ${said.trim().split('\n').slice(-5).join(' | ')}`)
    }
  }
}

/** Waits until the server greets as itself, JetStream on (it greets before TLS begins), or ends. */
async function ready(child: Child, port: number, signal: AbortSignal): Promise<boolean> {
  let ended = false
  void child.exited.then(() => (ended = true))
  while (!ended && !signal.aborted) {
    const greeting = await greetingOf(port)
    if (greeting.includes('"jetstream":true')) {
      // A stranger on our port would greet as well; ours would then have ended.
      await Promise.race([wait(10), child.exited])
      return !ended
    }
    await Promise.race([wait(15), child.exited])
  }
  return false
}

function greetingOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    let said = ''
    const finish = () => {
      socket.destroy()
      resolve(said)
    }
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.includes('\r\n')) finish()
    })
    for (const event of ['error', 'close', 'timeout']) socket.once(event, finish)
  })
}

/** A server whose launcher is gone may still run for a moment. */
async function stopOrphan(dir: string): Promise<void> {
  const file = join(dir, 'nats.pid')
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  const runs = () => pid > 0 && isAlive(pid) && commandLineOf(pid).includes(join(dir, 'nats.conf'))
  for (const name of ['SIGINT', 'SIGKILL'] as const) {
    if (runs()) process.kill(pid, name)
    for (let i = 0; i < 250 && runs(); i++) await wait(20)
  }
  if (runs()) throw new Error(`the old nats-server ${pid} in ${dir} does not end: stop it by hand`)
  rmSync(file, { force: true })
}

/** Whether the nats-server is of that version or a later one; false when there is none. */
export function atLeast(binary: string, major: number, minor: number): boolean {
  const said = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout ?? ''
  const [, version] = /v(\d+\.\d+)\./.exec(said) ?? []
  return version !== undefined && isAtLeast(version, major, minor)
}

export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [x = 0, y = 0] = version.split('.').map(Number)
  return x > major || (x === major && y >= minor)
}
