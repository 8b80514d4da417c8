/** Listens on a TCP port of the namespace it is started in, and passes all on to a Unix socket: `node relay.mjs <port> <path>`. */
import { connect, createServer } from 'node:net'

const [port = '', path = ''] = process.argv.slice(2)
createServer((arriving) => {
  const leaving = connect({ path })
  arriving.pipe(leaving).pipe(arriving)
  for (const [one, other] of [
    [arriving, leaving],
    [leaving, arriving],
  ]) {
    one.on('error', () => other.destroy())
    one.once('close', () => other.destroy())
  }
}).listen({ host: '::', port: Number(port) })
