import { createServer, connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../eventually.ts'
import type { Lab, LabNode } from './lab.ts'

const RELAY = fileURLToPath(new URL('relay.mjs', import.meta.url))

/**
 * The road from the lab's underlay to services on this machine's loopback: a node `control` listens, and what reaches it goes on
 * through a Unix socket, which namespaces do not divide. So no interface of the lab is outside the lab. TLS goes through untouched.
 */
export class ControlRoad {
  readonly node: LabNode
  readonly #servers: Server[] = []
  readonly #open = new Set<Socket>()
  #passing = true
  #next = 7_000

  private constructor(node: LabNode) {
    this.node = node
  }

  static async lay(lab: Lab, name = 'control'): Promise<ControlRoad> {
    const road = new ControlRoad(await lab.node(name))
    lab.atClose(() => road.close())
    return road
  }

  /** How nodes call what listens on a port of 127.0.0.1. */
  async to(port: number): Promise<{ readonly host: string; readonly port: number }> {
    const outside = this.#next++
    const path = join(this.node.dir, `${outside}.sock`)
    const server = createServer((arriving) => this.#pass(arriving, port))
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    this.#servers.push(server)
    await this.node.start(`relay-${outside}`, process.execPath, [RELAY, String(outside), path])
    await eventually(
      () => this.node.run('bash', ['--norc', '-c', `exec 3<>/dev/tcp/127.0.0.1/${outside}`]),
      ({ code }) => code === 0,
    )
    return { host: this.node.v4, port: outside }
  }

  /** Ends every connection, and lets none through until it is mended. */
  cut(): void {
    this.#passing = false
    for (const socket of this.#open) socket.destroy()
  }

  mend(): void {
    this.#passing = true
  }

  close(): void {
    this.cut()
    for (const server of this.#servers) server.close()
  }

  #pass(arriving: Socket, port: number): void {
    if (!this.#passing) {
      arriving.destroy()
      return
    }
    const leaving = connect({ host: '127.0.0.1', port })
    for (const [one, other] of [
      [arriving, leaving],
      [leaving, arriving],
    ] as const) {
      this.#open.add(one)
      one.on('error', () => other.destroy())
      one.once('close', () => {
        this.#open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
}
