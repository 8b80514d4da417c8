import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild, type Child } from '@powernode/dev/child'
import { eventually } from '../eventually.ts'
import { Janitor } from './janitor.ts'

export type Ran = { readonly code: number; readonly out: string; readonly err: string }

/** Agents are started and killed by the dozen: they need not be compiled each time. */
const COMPILED = process.env['NODE_COMPILE_CACHE'] ?? fileURLToPath(new URL('../../.cache/compile', import.meta.url))
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin', '/usr/lib/frr'].join(':')

/** Runs a program to its end in the namespace the test is in. A code other than 0 is an answer, not an error. */
export function run(command: string, args: readonly string[], said: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: said.timeoutMs ?? 120_000,
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, PATH, ...said.env },
    }
    const child = execFile(command, [...args], options, (error, out, err) => {
      const code = error ? error.code : 0
      if (typeof code === 'number') resolve({ code, out, err })
      else if (error?.killed === true) resolve({ code: 124, out, err: `${err}\nended: it took too long` })
      else reject(error ?? new Error(`${command} did not start`))
    })
    child.stdin?.on('error', () => undefined) // it may end without having read all
    child.stdin?.end(said.input ?? '')
  })
}

export type RunOptions = {
  readonly input?: string
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** As run, but it MUST succeed. */
export async function must(command: string, args: readonly string[], said: RunOptions = {}): Promise<string> {
  const { code, out, err } = await run(command, args, said)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}\n${err}${out}`)
  return out
}

/**
 * A piece of network on this machine, in network namespaces with names that nobody else has: nodes on one underlay (a bridge in a
 * namespace of its own), and daemons inside them. Nothing of it is in the machine's own namespace, and all of it goes when the
 * lab is closed or its maker dies.
 */
export class Lab {
  /** Every namespace of the lab is called <prefix>-<name>. */
  readonly prefix = `pn${randomBytes(4).toString('hex')}`
  /** Files of the lab; others than root can reach what lies in it. */
  readonly dir: string
  readonly #janitor: Janitor
  readonly #children: Child[] = []
  readonly #endings: (() => void)[] = []
  readonly #nodes = new Map<string, LabNode>()
  #lastHost = 0

  private constructor(dir: string) {
    this.dir = dir
    this.#janitor = new Janitor(this.prefix, dir)
  }

  static async open(): Promise<Lab> {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-lab-'))
    chmodSync(dir, 0o755)
    const lab = new Lab(dir)
    await lab.#namespace('underlay')
    await must('ip', ['-n', lab.#name('underlay'), 'link', 'add', 'br0', 'type', 'bridge'])
    await must('ip', ['-n', lab.#name('underlay'), 'link', 'set', 'br0', 'up'])
    return lab
  }

  /** A node on the underlay: interface e0 with 192.0.2.<n>/24 and 2001:db8::<n>/64. It forwards packets, as gateways do. */
  async node(name: string): Promise<LabNode> {
    const host = ++this.#lastHost
    const netns = await this.#namespace(name)
    const far = `u${host}`
    const underlay = this.#name('underlay')
    await must('ip', ['link', 'add', 'e0', 'netns', netns, 'type', 'veth', 'peer', 'name', far, 'netns', underlay])
    await must('ip', ['-n', underlay, 'link', 'set', far, 'master', 'br0', 'up'])
    const node = new LabNode(this, { name, netns, v4: `192.0.2.${host}`, v6: `2001:db8::${host.toString(16)}` })
    await node.batch(`addr add ${node.v4}/24 dev e0`, `addr add ${node.v6}/64 dev e0 nodad`, 'link set e0 up')
    this.#nodes.set(name, node)
    return node
  }

  /** A host behind a node, in a namespace without a road of its own: its e0 at `own`, routed by the node's `gateway` (both with prefix length). */
  async behind(node: LabNode, name: string, { own, gateway }: { readonly own: string; readonly gateway: string }) {
    const far = `lan${this.#nodes.size}`
    const host = await this.plugged(node, name, { far, address: own.split('/')[0] ?? '' })
    const nodad = own.includes(':') ? ' nodad' : ''
    await node.batch(`addr add ${gateway} dev ${far}${nodad}`)
    await host.batch(`addr add ${own} dev e0${nodad}`, `route add default via ${gateway.split('/')[0]}`)
    return host
  }

  /** A namespace whose e0 is a cable into a node, where its other end is called `far`. */
  async plugged(
    node: LabNode,
    name: string,
    said: { readonly far: string; readonly mac?: string; readonly address?: string },
  ) {
    const netns = await this.#namespace(name)
    const mac = said.mac === undefined ? [] : ['address', said.mac]
    const other = ['peer', 'name', said.far, 'netns', node.netns]
    await must('ip', ['link', 'add', 'e0', ...mac, 'netns', netns, 'type', 'veth', ...other])
    const v6 = said.address?.includes(':') === true
    const host = new LabNode(this, {
      name,
      netns,
      v4: v6 ? '' : (said.address ?? ''),
      v6: v6 ? (said.address ?? '') : '',
    })
    await node.batch(`link set ${said.far} up`)
    await host.batch('link set e0 up')
    this.#nodes.set(name, host)
    return host
  }

  /** A namespace that a daemon of the lab made under a name of its own, such as a VRF's: it goes with the lab. */
  made(netns: string): LabNode {
    appendFileSync(join(this.dir, 'namespaces'), `${netns}\n`)
    return new LabNode(this, { name: netns, netns, v4: '', v6: '' })
  }

  /** A program that runs until the lab is closed, in a node's namespace; its words are in `<dir>/<name>.log`. */
  async start(node: LabNode, name: string, command: string, args: readonly string[], env: Env = {}): Promise<Child> {
    const child = await startChild({
      // Not `ip netns exec`: it shuts mounts in, and a namespace that a daemon makes is a mount that others have to see.
      command: 'nsenter',
      args: [`--net=/run/netns/${node.netns}`, command, ...args],
      env: { PATH, HOME: this.dir, NODE_COMPILE_CACHE: COMPILED, ...env },
      logFile: join(this.dir, `${name}.log`),
      stopSignal: 'SIGTERM',
      graceMs: 2_000,
    })
    this.#children.push(child)
    return child
  }

  /** What is outside of the namespaces and ends with the lab. */
  atClose(end: () => void): void {
    this.#endings.push(end)
  }

  /** Ends every daemon, last started first, and removes namespaces and files. */
  async close(): Promise<void> {
    for (const end of this.#endings) end()
    for (const child of this.#children.toReversed()) await child.stop()
    await this.#janitor.finish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #name(name: string): string {
    return `${this.prefix}-${name}`
  }

  async #namespace(name: string): Promise<string> {
    const netns = this.#name(name)
    await must('ip', ['netns', 'add', netns])
    const quick = ['all', 'default'].flatMap((which) => [
      `net.ipv6.conf.${which}.accept_dad=0`,
      `net.ipv6.conf.${which}.forwarding=1`,
      `net.ipv6.conf.${which}.router_solicitations=0`,
      `net.ipv4.conf.${which}.rp_filter=0`,
    ])
    await must('ip', ['netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', ...quick])
    await must('ip', ['-n', netns, 'link', 'set', 'lo', 'up'])
    return netns
  }
}

type Env = Readonly<Record<string, string>>

/** One namespace of a lab. */
export class LabNode {
  readonly lab: Lab
  readonly name: string
  /** The name of its namespace, for `ip netns exec`; of its FRR pathspace too. */
  readonly netns: string
  /** Its addresses in the underlay. */
  readonly v4: string
  readonly v6: string
  /** Files of this node. */
  readonly dir: string

  constructor(lab: Lab, { name, netns, v4, v6 }: { name: string; netns: string; v4: string; v6: string }) {
    this.lab = lab
    this.name = name
    this.netns = netns
    this.v4 = v4
    this.v6 = v6
    this.dir = join(lab.dir, name)
    mkdirSync(this.dir, { recursive: true })
  }

  /** Runs a program to its end in this namespace. */
  run(command: string, args: readonly string[], said: RunOptions = {}): Promise<Ran> {
    return run('ip', ['netns', 'exec', this.netns, command, ...args], said)
  }

  must(command: string, args: readonly string[], said: RunOptions = {}): Promise<string> {
    return must('ip', ['netns', 'exec', this.netns, command, ...args], said)
  }

  /** Commands of ip(8), all in one process. */
  async batch(...lines: string[]): Promise<void> {
    await must('ip', ['-n', this.netns, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  start(name: string, command: string, args: readonly string[], env: Env = {}): Promise<Child> {
    return this.lab.start(this, `${this.name}-${name}`, command, args, env)
  }

  /** Whether one echo is answered. */
  async pings(address: string, said: { readonly from?: string } = {}): Promise<boolean> {
    const from = said.from === undefined ? [] : ['-I', said.from]
    const { code } = await this.run('ping', ['-n', '-q', '-c', '1', '-W', '1', ...from, address])
    return code === 0
  }

  /** Waits until an echo is answered: new links, and tunnels before their first handshake, lose the first packets. */
  async untilPings(address: string, timeoutMs = 30_000): Promise<void> {
    await eventually(() => this.pings(address), Boolean, timeoutMs)
  }
}
