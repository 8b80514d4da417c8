import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A port of `host` that nobody listens on now. Another may take it before its user comes: that start says so, and is repeated. */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  server.listen({ host, port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server's
  server.close()
  await once(server, 'close')
  return port
}
