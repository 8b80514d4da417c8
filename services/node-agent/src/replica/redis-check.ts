import { connect, type TLSSocket } from 'node:tls'
import { certificatesToPem } from '@powernode/identity'
import type { RedisAccess } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'

const ANSWERS_WITHIN_MS = 5_000

/** One command in RESP (redis.io/docs/latest/develop/reference/protocol-spec): an array of bulk strings. */
const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/**
 * Whether the Redis that was handed to us answers us: "reachable", or "unreachable: <why>". Asked with a real PING over TLS,
 * with the credential that came with it. Never plaintext: without roots that vouch for it, it is not spoken to.
 */
export async function checkRedis(redis: RedisAccess | undefined, signal: AbortSignal): Promise<string> {
  if (!redis || redis.address === '' || signal.aborted) return 'untried'
  try {
    await ping(redis, signal)
    return 'reachable'
  } catch (error) {
    return `unreachable: ${error instanceof Error ? error.message : 'it does not say why'}`.slice(0, 256)
  }
}

async function ping(
  { address, username, password, roots, serverName }: RedisAccess,
  signal: AbortSignal,
): Promise<void> {
  const { hostname, port } = new URL(`redis://${address}`)
  if (roots.length === 0) throw new Error('no roots were handed over that vouch for it')
  const ca = certificatesToPem(roots)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({
    host,
    port: Number(port),
    ca,
    minVersion: 'TLSv1.2',
    servername: serverName,
    timeout: ANSWERS_WITHIN_MS,
  })
  const hangUp = () => void socket.destroy() // whoever stops MUST NOT be kept by a server that says nothing
  signal.addEventListener('abort', hangUp, { once: true })
  try {
    const commands = [
      ...(password === '' ? [] : [command('AUTH', ...(username === '' ? [] : [username]), password)]),
      command('PING'),
    ]
    const answers = linesOf(socket, commands.length)
    socket.once('secureConnect', () => socket.write(commands.join('')))
    const refused = (await answers).find((line) => line.startsWith('-'))
    // What it refuses may repeat what it was told: only the kind of the error is kept.
    if (refused !== undefined) throw new Error(`it refuses us (${refused.slice(1).split(' ', 1)[0]})`)
  } finally {
    signal.removeEventListener('abort', hangUp)
    socket.destroy()
  }
}

/** The first lines of what is answered: one for each command, as every answer that we expect is one. */
function linesOf(socket: TLSSocket, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const lines = text.split('\r\n')
      if (lines.length > count || lines[0]?.startsWith('-')) resolve(lines.slice(0, count))
    })
    socket.once('error', reject)
    socket.once('timeout', () => reject(new Error('it does not answer')))
    socket.once('close', () => reject(new Error('it closed the connection')))
  })
}
