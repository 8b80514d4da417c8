import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { connect as tcpConnect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { readTlsFiles } from '@powernode/identity'

/** What curl with a client certificate gets: status, headers, body. */
export async function curl(
  { port, dir }: { port: number; dir: string },
  path: string,
  {
    body,
    method = 'POST',
    headers = { 'content-type': 'application/json' },
  }: { body?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<{
  status: number
  text: string
  json: () => { code: string; message: string; details: { type: string; debug: object }[] }
  headers: NodeJS.Dict<string | string[]>
}> {
  const { cert, key, ca } = readTlsFiles(dir)
  const req = httpsRequest({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers,
    cert,
    key,
    ca,
    agent: false,
    checkServerIdentity: () => undefined,
  })
  req.end(body)
  const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage]
  const read = await text(res)
  return { status: res.statusCode ?? 0, headers: res.headers, text: read, json: () => JSON.parse(read) as never }
}

/** Why a TLS client with these options is turned away; undefined when it is still connected after saying something. */
export async function turnedAway(port: number, options: ConnectionOptions): Promise<string | undefined> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity: () => undefined,
    ...options,
  })
  const ended = Promise.withResolvers<string | undefined>()
  socket.on('error', (error: Error & { code?: string }) => ended.resolve(error.code ?? error.message))
  socket.on('close', () => ended.resolve('closed'))
  socket.on('data', () => ended.resolve(undefined))
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
  const why = await ended.promise
  socket.destroy()
  return why
}

/** Opens a connection that says nothing. */
export async function silentConnection(port: number): Promise<Socket> {
  const socket = tcpConnect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  return socket
}
