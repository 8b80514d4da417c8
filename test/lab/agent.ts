import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Child } from '@powernode/dev/child'
import { createLogger } from '@powernode/process'
import { networkConfigFrom } from '@powernode/node-agent/network/config'
import { run } from '@powernode/node-agent/network/service'
import type { Tools } from '@powernode/node-agent/network/tools'
import { TRUST_DOMAIN, type ControlPlane } from './control-plane.ts'
import type { LabNode } from './lab.ts'

const DYING = fileURLToPath(new URL('agent-that-dies.ts', import.meta.url))
const MAIN = fileURLToPath(new URL('../../services/node-agent/src/main-network.ts', import.meta.url))

export type AgentSaid = {
  readonly node: LabNode
  /** The uuid of its certificate. */
  readonly id: string
  readonly control: ControlPlane
  /** How it calls the control plane, where that is not on this machine's loopback. */
  readonly road?: { readonly host: string; readonly port: number }
  readonly env?: Readonly<Record<string, string>>
}

/** What the agent of a lab node is told. Everything happens soon. */
export async function agentEnvironment({ node, id, control, road, env }: AgentSaid): Promise<Record<string, string>> {
  const { host, port } = road ?? { host: '127.0.0.1', port: control.port }
  return {
    IDENTITY_DIR: await control.identityOf(id),
    TRUST_DOMAIN,
    STATE_DIR: join(node.dir, 'network'),
    SDWAN_ADDRESS: `${host}:${port}`,
    NETNS: node.netns,
    CONFIRM_WITHIN: '5s',
    SETTLED_AFTER: '1s',
    REPORT_EVERY: '1s',
    LOOK_EVERY: '1s',
    ...env,
  }
}

export type Agent = { readonly stop: () => Promise<void>; readonly log: () => string }

/** An agent in this process: its tools run in the node, its calls leave from here. */
export async function startAgent(said: AgentSaid, outside: { readonly tools?: Tools } = {}): Promise<Agent> {
  const lines: string[] = []
  const logger = createLogger('agent', { level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const stopping = new AbortController()
  const running = run(networkConfigFrom(await agentEnvironment(said)), stopping.signal, { logger, ...outside })
  running.catch((error: unknown) => lines.push(String(error)))
  return {
    log: () => lines.join(''),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

type Outside = AgentSaid & { readonly road: { readonly host: string; readonly port: number } }

/** An agent as a process of its own, all of it inside the node. */
export async function spawnAgent(said: Outside): Promise<Child> {
  return said.node.start(`agent-${said.id}`, process.execPath, [MAIN], await agentEnvironment(said))
}

/** One that dies, as of `kill -9`, before it runs what begins with these words. */
export async function spawnDying(said: Outside, before: string): Promise<Child> {
  const env = { ...(await agentEnvironment(said)), DIES_BEFORE: before }
  return said.node.start(`dying-${said.id}`, process.execPath, [DYING], env)
}
