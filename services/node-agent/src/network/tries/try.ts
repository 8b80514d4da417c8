import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { text } from 'node:stream/consumers'
import { backgroundClock } from '@powernode/clock'
import { z } from 'zod'

/**
 * A program of its own, run inside the namespace or VRF of an interface: reads places from its standard input, tries all,
 * and prints for each whether it was reached. A connection that is made counts, and an answer to a datagram; a refusal does
 * not: nobody can tell a firewall that rejects from a port where nobody listens.
 */
const PLACES = z.array(z.object({ address: z.string(), protocol: z.enum(['tcp', 'udp']), port: z.number() }))
type Place = z.infer<typeof PLACES>[number]

const WITHIN_MS = 1_500
const AT_ONCE = 64

function reachesTcp({ address, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const end = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.setTimeout(WITHIN_MS, () => end(false))
  })
}

function reachesUdp({ address, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const waiting = new AbortController()
    const end = (reached: boolean) => {
      if (waiting.signal.aborted) return
      waiting.abort()
      socket.close()
      resolve(reached)
    }
    socket.once('message', () => end(true))
    socket.once('error', () => end(false))
    socket.send('\n', port, address, (error) => error && end(false))
    void backgroundClock.sleep(WITHIN_MS, waiting.signal).then(() => end(false))
    socket.ref()
  })
}

async function main(): Promise<void> {
  const places = PLACES.parse(JSON.parse(await text(process.stdin)))
  const reached: boolean[] = Array.from({ length: places.length }, () => false)
  const waiting = places.entries()
  const worker = async () => {
    for (const [index, place] of waiting)
      reached[index] = await (place.protocol === 'tcp' ? reachesTcp : reachesUdp)(place)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  process.stdout.write(JSON.stringify(reached))
}

await main()
