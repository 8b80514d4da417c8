import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { systemClock } from '@powernode/clock'
import type { Authority } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, type Logger } from '@powernode/process'
import { headers } from 'nats'
import type { TestContext } from 'vitest'
import type { Bus } from './bus.ts'
import { SIGNATURE_HEADER } from './signature.ts'

/** A nats-server of a test's own, on loopback. */
export type TestNats = {
  readonly url: string
  /** Kill -9: nothing is flushed, nothing is said. */
  kill(): Promise<void>
  /** Starts it again where it was, with what it stored. */
  start(): Promise<void>
  /** Loses all that it stored; MUST be killed first. */
  wipe(): void
  stop(): Promise<void>
}

const NEVER = new AbortController().signal

/** What is logged during a test, told when that fails: nothing else says later why news did not come. */
export function keptLog(service: string): { readonly logger: Logger; readonly begin: (context: TestContext) => void } {
  const lines: string[] = []
  return {
    logger: createLogger(service, { destination: { write: (line) => void lines.push(line) } }),
    begin: ({ onTestFailed }) => {
      lines.length = 0
      onTestFailed(() => void process.stderr.write(lines.slice(-100).join('')))
    },
  }
}

/**
 * Starts the nats-server of NATS_SERVER, or the one on PATH. `config` is added to its configuration.
 *
 * A port that was free may be somebody else's by the time that the server begins, such as the server of another test: so it says
 * its name, and where it could not begin it is tried with another port.
 */
export async function startTestNats(config = ''): Promise<TestNats> {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-test-nats-'))
  const name = basename(dir)
  const store = join(dir, 'store')
  const file = join(dir, 'nats.conf')
  let port = await freePort()
  let child: ChildProcess | undefined

  /** False: it has ended, since its port is somebody else's. */
  async function begin(): Promise<boolean> {
    const own = `server_name: "${name}"\nlisten: "127.0.0.1:${port}"\njetstream { store_dir: "${store}" }\n`
    writeFileSync(file, `${own}${config}\n`)
    const server = spawn(process.env['NATS_SERVER'] ?? 'nats-server', ['-c', file], { stdio: 'ignore' })
    child = server
    const endWithUs = () => server.kill('SIGKILL')
    process.once('exit', endWithUs)
    server.once('exit', () => process.off('exit', endWithUs))
    const hasEnded = () => server.exitCode !== null || server.signalCode !== null
    const isUp = (said: string) => said.includes(`"server_name":"${name}"`) && said.includes('"jetstream":true')
    await until(async () => hasEnded() || isUp(await greetingOf(port)))
    return !hasEnded()
  }

  async function start(): Promise<void> {
    await until(begin)
  }

  async function kill(): Promise<void> {
    const server = child
    child = undefined
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }

  while (!(await begin())) port = await freePort()
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    kill,
    wipe: () => rmSync(store, { recursive: true, force: true }),
    async stop() {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A folder with the identity of a service, of a CA of the test's own unless one is given. */
export async function testSigner(name: string, authority?: Authority, trustDomain = 'a.test'): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-test-signer-'))
  const id = { trustDomain, kind: 'service', name } as const
  await makeTestIdentity(authority ?? (await makeTestAuthority(trustDomain)), id, dir)
  return dir
}

/** Publishes bytes as the relay of the bus's service would, whatever they say. */
export async function publishSigned(
  bus: Bus,
  subject: string,
  data: Uint8Array,
  at = systemClock.now(),
): Promise<void> {
  const connection = await bus.connection(NEVER)
  const signed = headers()
  signed.set(SIGNATURE_HEADER, bus.identity().signer.sign(data, { subject, at }))
  await connection?.jetstream().publish(subject, data, { headers: signed })
}

/**
 * Waits until something is so. The one way for a test to wait: it ends when the state is there, and not before. Looking takes
 * a quarter of the time at most, since it takes that from what is waited for.
 */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (;;) {
    const beganMs = systemClock.elapsed()
    if (await isSo()) return
    const tookMs = systemClock.elapsed() - beganMs
    await systemClock.sleep(Math.min(Math.max(5, 3 * tookMs), 200), NEVER)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  server.close()
  await once(server, 'close')
  return port
}

function greetingOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    let said = ''
    const finish = () => {
      socket.destroy()
      resolve(said)
    }
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.includes('\r\n')) finish()
    })
    socket.on('error', finish).on('close', finish)
  })
}
