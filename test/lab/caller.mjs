/**
 * Calls a TCP port over and over, from the namespace it is started in: `node caller.mjs <address> <port>`. Prints the moment of each
 * answer, in milliseconds of the machine's clock: when the last one came, however busy the machine that asks.
 */
import { connect } from 'node:net'

const [host, port] = process.argv.slice(2)
const EVERY_MS = 50
const PATIENCE_MS = 1_500

setInterval(() => {
  const socket = connect({ host, port: Number(port) })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.on('error', () => undefined)
  socket.on('data', () => {
    process.stdout.write(`${Date.now()}\n`)
    socket.destroy()
  })
}, EVERY_MS)
