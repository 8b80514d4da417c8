/** Answers on TCP and UDP ports with a name: `node answerer.mjs <name> <port>,<port>…`. Started inside a namespace. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const [name = '', ports = ''] = process.argv.slice(2)
for (const port of ports.split(',').map(Number)) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(`${name}\n`)
  })
  server.listen({ host: '::', port })
  const datagrams = createSocket({ type: 'udp6' })
  datagrams.on('message', (_, from) => datagrams.send(`${name}\n`, from.port, from.address))
  datagrams.bind(port)
}
