import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A road to a server that can freeze: nothing the server says arrives any more, and nobody is told. */
export async function frozenRoad(url: string) {
  const to = new URL(url)
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let frozen = false
  let asked = () => {}
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.on('data', (said) => {
      upstream.write(said)
      if (frozen) asked()
    })
    upstream.on('data', (answer) => void (frozen ? held.push(() => client.write(answer)) : client.write(answer)))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const road = new URL(url)
  road.hostname = '127.0.0.1'
  road.port = String((server.address() as AddressInfo).port)
  return {
    url: road.href,
    /** Freezes; resolves when somebody has asked something since and waits for the answer. */
    freeze: () => {
      frozen = true
      return new Promise<void>((resolve) => (asked = resolve))
    },
    thaw: () => {
      frozen = false
      for (const deliver of held.splice(0)) deliver()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
