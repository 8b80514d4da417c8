/**
 * Connections that last, in the namespace it is started in: `node stream.mjs serve <port>,<port>…` sends back what it is sent;
 * `node stream.mjs call <address> <port>` keeps sending on one connection, and prints a mark for each byte that comes back.
 */
import { connect, createServer } from 'node:net'

const [what, ...said] = process.argv.slice(2)
if (what === 'serve') {
  for (const port of (said[0] ?? '').split(',').map(Number)) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    server.listen({ host: '::', port })
  }
} else {
  const socket = connect({ host: said[0], port: Number(said[1]) })
  socket.on('data', (data) => process.stdout.write('+'.repeat(data.length)))
  socket.on('error', () => process.exit(1))
  socket.on('connect', () => setInterval(() => socket.write('.'), 200))
}
