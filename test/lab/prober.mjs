/**
 * Tries many destinations at once from the namespace it is started in: `node prober.mjs '<JSON>'`, a list of
 * `{address, protocol, port}`. Says a JSON list of what was reached, in the same order.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

const PATIENCE_MS = 1_500

const byTcp = ({ address, port }) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const end = (reached) => {
      socket.destroy()
      resolve(reached)
    }
    socket.setTimeout(PATIENCE_MS, () => end(false))
    socket.on('error', () => end(false))
    socket.on('data', () => end(true))
  })

/** Said twice: a datagram may be lost on the way for no reason of ours. */
const byUdp = ({ address, port }) =>
  new Promise((resolve) => {
    const socket = createSocket('udp6')
    const timers = [0, PATIENCE_MS / 2].map((ms) =>
      setTimeout(() => socket.send('hello\n', port, address, () => {}), ms),
    )
    const end = (reached) => {
      for (const timer of timers) clearTimeout(timer)
      socket.close()
      resolve(reached)
    }
    timers.push(setTimeout(() => end(false), PATIENCE_MS))
    socket.on('error', () => end(false))
    socket.on('message', () => end(true))
  })

const byPing = ({ address }) =>
  new Promise((resolve) => {
    const ping = spawn('ping', ['-n', '-q', '-c', '2', '-i', '0.5', '-W', '1', address], { stdio: 'ignore' })
    ping.on('exit', (code) => resolve(code === 0))
    ping.on('error', () => resolve(false))
  })

const BY = { tcp: byTcp, udp: byUdp, icmp6: byPing }
const asked = JSON.parse(process.argv[2] ?? '[]')
const reached = await Promise.all(asked.map((each) => BY[each.protocol](each)))
process.stdout.write(JSON.stringify(reached))
