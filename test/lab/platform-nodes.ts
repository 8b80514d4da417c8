import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child } from '@powernode/dev/child'
import { eventually } from '../eventually.ts'
import { typeJson, type Keyboard } from '../flows/operator-at-keyboard.ts'
import type { ControlRoad } from './control-road.ts'
import { startFrr, type Frr } from './frr.ts'
import type { Lab, LabNode } from './lab.ts'

const MAIN = fileURLToPath(new URL('../../services/node-agent/src/main-network.ts', import.meta.url))

/** A platform whose nodes are in a lab. */
export type Home = Keyboard & {
  readonly platform: Keyboard['platform'] & {
    readonly name: string
    readonly dir: string
    readonly trustDomain: string
    readonly ports: Readonly<Record<'sdwan-compiler', number>>
  }
}

export type Node = {
  /** The uuid in its certificate. */
  readonly id: string
  readonly lab: LabNode
  readonly frr: Frr | undefined
  /** What its agent has said to its log. */
  readonly log: () => string
  readonly stopAgent: () => Promise<void>
  readonly startAgent: () => Promise<void>
}

type Report = {
  readonly node_instance_id: string
  readonly desired_version?: string
  readonly report?: {
    readonly applied_version?: string
    readonly rolled_back_version?: string
    readonly rolled_back_reason?: string
    readonly counters?: readonly Counter[]
  }
}
type Counter = { readonly rule_id: string; readonly chain: string; readonly packets: number }

/**
 * The nodes of one platform in a lab: each a namespace with an agent as a process of its own, a certificate that the platform's
 * CA gave it, and the control plane at an address of the underlay.
 */
export class PlatformNodes {
  readonly #lab: Lab
  readonly #home: Home
  readonly #road: ControlRoad
  readonly #address: { readonly host: string; readonly port: number }

  private constructor(
    lab: Lab,
    home: Home,
    { road, address }: { road: ControlRoad; address: { host: string; port: number } },
  ) {
    this.#lab = lab
    this.#home = home
    this.#road = road
    this.#address = address
  }

  static async in(lab: Lab, home: Home, road: ControlRoad): Promise<PlatformNodes> {
    return new PlatformNodes(lab, home, { road, address: await road.to(home.platform.ports['sdwan-compiler']) })
  }

  /** Where nodes find the control plane, in the underlay. */
  get control(): { readonly host: string; readonly port: number } {
    return this.#address
  }

  async node(
    name: string,
    { bgp = false, env = {} }: { bgp?: boolean; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Node> {
    const { platform } = this.#home
    const id = newInstance()
    const lab = await this.#lab.node(`${platform.name}-${name}`)
    const identityDir = join(lab.dir, 'identity')
    await typeJson(this.#home, ['cert', 'issue', id, '--kind', 'instance', '--out', identityDir])
    const frr = bgp ? await startFrr(lab) : undefined
    const config = {
      IDENTITY_DIR: identityDir,
      TRUST_DOMAIN: platform.trustDomain,
      STATE_DIR: join(lab.dir, 'network'),
      SDWAN_ADDRESS: `${this.#address.host}:${this.#address.port}`,
      NETNS: lab.netns,
      CONFIRM_WITHIN: '10s',
      SETTLED_AFTER: '5s',
      REPORT_EVERY: '2s',
      LOOK_EVERY: '10s',
      FAILOVER_AFTER: '10s',
      ...env,
    }
    let agent: Child | undefined
    const startAgent = async () => void (agent = await lab.start('agent', process.execPath, [MAIN], config))
    await startAgent()
    const file = join(this.#lab.dir, `${lab.name}-agent.log`)
    const log = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
    return { id, lab, frr, log, startAgent, stopAgent: async () => agent?.stop() }
  }

  /** What the nodes' agents last said, as an operator sees it. */
  async reports(): Promise<readonly Report[]> {
    return (await typeJson<{ nodes: Report[] }>(this.#home, 'net nodes')).nodes
  }

  reportOf = async ({ id }: Pick<Node, 'id'>): Promise<Report | undefined> =>
    (await this.reports()).find(({ node_instance_id: node }) => node === id)

  /** Waits until these have applied what they should look like, and had it confirmed. */
  async applied(...nodes: readonly Node[]): Promise<void> {
    const isThere = (reports: readonly Report[]) =>
      nodes.every(({ id }) => {
        const found = reports.find(({ node_instance_id: node }) => node === id)
        return found?.desired_version !== undefined && found.report?.applied_version === found.desired_version
      })
    try {
      await eventually(() => this.reports(), isThere, 60_000)
    } catch (error) {
      const said = nodes.map((node) => `--- ${node.lab.name}\n${node.log().slice(-3_000)}`).join('\n')
      throw new Error(`${error instanceof Error ? error.message.slice(0, 4_000) : ''}\n${said}`, { cause: error })
    }
  }

  /** Packets that a rule let through or stopped on a node, over all of its chains; `default` is what no rule spoke of. */
  async counted(node: Node, rule: string): Promise<number> {
    const counters = (await this.reportOf(node))?.report?.counters ?? []
    return counters
      .filter(({ rule_id: id }) => id === rule || id.startsWith(`${rule} `))
      .reduce((sum, { packets }) => sum + packets, 0)
  }

  close(): void {
    this.#road.close()
  }
}

/** UUIDv7 (RFC 9562 section 5.7), as machines get them. */
function newInstance(): string {
  const hex = Date.now().toString(16).padStart(12, '0')
  const random = randomBytes(10).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`
}
