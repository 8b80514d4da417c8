import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@powernode/dev/free-port'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'

export type Redis = {
  /** What spawn-provisioner is told, so that it hands this Redis to its members. */
  readonly env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

const PASSWORD = 'a password of the test'

/** A real redis-server that speaks TLS only, and only with whoever has the password. */
export async function startRedis(program: string, dir: string): Promise<Redis> {
  const identityDir = join(dir, 'identity')
  mkdirSync(identityDir, { recursive: true })
  await makeTestIdentity(
    await makeTestAuthority('redis.example'),
    { trustDomain: 'redis.example', kind: 'service', name: 'redis' },
    identityDir,
  )
  const file = (name: string) => join(identityDir, `${name}.pem`)
  const port = await freePort()
  const tls = ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no']
  const keys = ['--tls-cert-file', file('cert'), '--tls-key-file', file('key'), '--tls-ca-cert-file', file('roots')]
  const rest = ['--requirepass', PASSWORD, '--bind', '127.0.0.1', '--save', '', '--dir', dir]
  const server = spawn(program, [...tls, ...keys, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    server.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('Ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(said)))
  })
  const passwordFile = join(dir, 'password')
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 })
  return {
    env: {
      REDIS_ADDRESS: `127.0.0.1:${port}`,
      REDIS_PASSWORD_FILE: passwordFile,
      REDIS_ROOTS_FILE: file('roots'),
      REDIS_SERVER_NAME: 'localhost',
    },
    async stop() {
      server.kill('SIGTERM')
      if (server.exitCode === null) await once(server, 'exit')
    },
  }
}
