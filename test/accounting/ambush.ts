import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** When, of one statement: before the server has it, while it works on it, or when it has answered and nobody has heard. */
export const MOMENTS = ['before it arrives', 'while it is worked on', 'before its answer arrives'] as const
export type Moment = (typeof MOMENTS)[number]

export type Ambush = {
  /** Part of what the client says. */
  readonly step: string
  readonly moment: Moment
  /** The how manieth such statement. */
  readonly nth?: number
  /** What happens then; MUST begin before it returns. */
  readonly strike: () => void
  /** It strikes elsewhere: the statement and its answer go on. Otherwise its connection is cut, and nobody hears of it. */
  readonly isElsewhere?: boolean
}

/** A road to a database. */
export type Road = {
  readonly url: string
  /** The next misfortune; resolves when it has struck. It replaces one that never did. */
  readonly lay: (ambush: Ambush) => Promise<void>
  /** Nothing lies in wait any more. */
  readonly clear: () => void
  readonly close: () => Promise<void>
}

/** Opens a road. Who comes while the database is down waits at its gate until `up` resolves, so that a run is short. */
export async function openRoad(url: string, up: () => Promise<void>): Promise<Road> {
  const to = new URL(url)
  const sockets = new Set<Socket>()
  let waiting: { ambush: Ambush; left: number; struck: () => void } | undefined

  const carry = (client: Socket) => {
    const upstream = connect(Number(to.port), to.hostname)
    let atAnswer: (() => void) | undefined
    const cut = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) sockets.add(socket.on('error', cut).on('close', cut))
    client.on('data', (said) => {
      const due = waiting
      if (!due || !said.includes(due.ambush.step) || --due.left > 0) {
        upstream.write(said)
        return
      }
      waiting = undefined
      const { moment, isElsewhere = false } = due.ambush
      const strike = () => {
        due.ambush.strike()
        if (!isElsewhere) cut()
        due.struck()
      }
      if (moment === 'before it arrives') {
        strike()
        if (!isElsewhere) return
      }
      if (moment === 'before its answer arrives') atAnswer = strike
      // Handed to the kernel when it is called back, and so to the server.
      upstream.write(said, moment === 'while it is worked on' ? strike : undefined)
    })
    upstream.on('data', (answer) => {
      atAnswer?.()
      atAnswer = undefined
      client.write(answer)
    })
    client.on('close', () => sockets.delete(client))
    upstream.on('close', () => sockets.delete(upstream))
  }
  const server = createServer({ pauseOnConnect: true }, (client) => {
    sockets.add(client.on('error', () => client.destroy()))
    void up().then(() => {
      carry(client)
      client.resume()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const road = new URL(url)
  road.hostname = '127.0.0.1'
  road.port = String((server.address() as AddressInfo).port) // a TCP server that listens has one
  return {
    url: road.href,
    lay: (ambush) => new Promise((struck) => (waiting = { ambush, left: ambush.nth ?? 1, struck })),
    clear: () => (waiting = undefined),
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
