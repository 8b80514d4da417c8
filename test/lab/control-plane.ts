import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import type { Authority } from '@powernode/identity'
import { makeTestAuthority, makeTestIdentity } from '@powernode/identity/testing'
import { createLogger, createMetrics } from '@powernode/process'
import {
  NodeNetworkService,
  NodeStateSchema,
  type NodeState,
  type ReportNodeRequest,
} from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { callerOf, mount, serve } from '@powernode/rpc'
import { everyOperator } from '@powernode/rpc/testing'

export const TRUST_DOMAIN = 'a.example'

/** What a control plane was told by a node. */
type Heard = { keys: Map<string, string>; confirmed: string[]; reports: ReportNodeRequest[]; watching: number }

/**
 * A control plane that says what the test tells it to: a real server, mTLS and all, that nodes call as they call
 * sdwan-compiler. What it compiles is the test's affair.
 */
export class ControlPlane {
  readonly port: number
  readonly #dir: string
  readonly #authority: Authority
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #states = new Map<string, NodeState>()
  readonly #heard = new Map<string, Heard>()
  #changed = Promise.withResolvers<void>()
  /** How it answers ConfirmState; MUST answer or throw. */
  onConfirm: (node: string, version: string) => Promise<void> = () => Promise.resolve()

  private constructor({
    port,
    dir,
    authority,
    ended,
    stop,
  }: {
    port: number
    dir: string
    authority: Authority
    ended: Promise<void>
    stop: AbortController
  }) {
    // prettier-ignore
    this.port = port
    this.#dir = dir
    this.#authority = authority
    this.#ended = ended
    this.#stop = stop
  }

  static async start(): Promise<ControlPlane> {
    const dir = mkdtempSync(join(tmpdir(), 'powernode-control-'))
    const authority = await makeTestAuthority(TRUST_DOMAIN)
    const tlsDir = join(dir, 'server')
    await makeTestIdentity(authority, { trustDomain: TRUST_DOMAIN, kind: 'service', name: 'sdwan-compiler' }, tlsDir)
    const stop = new AbortController()
    const listening = Promise.withResolvers<number>()
    const itself: { is?: ControlPlane } = {}
    const there = (): ControlPlane => itself.is ?? fail()
    const ended = serve(
      {
        name: 'sdwan-compiler',
        listen: { host: '127.0.0.1', port: 0 },
        tlsDir,
        trustDomain: TRUST_DOMAIN,
        services: [
          mount(
            NodeNetworkService,
            {
              watchDesiredState: ({ version }, context) =>
                there().#watch(callerOf(context).name, version, context.signal),
              registerKeys: ({ keys }, context) => {
                const heard = there().heard(callerOf(context).name)
                for (const { interface: name, publicKey } of keys) heard.keys.set(name, publicKey)
                return {}
              },
              async confirmState({ version }, context) {
                const node = callerOf(context).name
                await there().onConfirm(node, version)
                there().heard(node).confirmed.push(version)
                return { current: there().#states.get(node)?.version === version }
              },
              reportNode: (report, context) => {
                there().heard(callerOf(context).name).reports.push(report)
                return {}
              },
            },
            { watchDesiredState: ['instance'], registerKeys: ['instance'], confirmState: ['instance'], reportNode: ['instance'] }, // prettier-ignore
          ),
        ],
        operators: everyOperator,
        clock: systemClock,
        logger: createLogger('control', { level: 'silent' }),
        metrics: createMetrics('control'),
        onListening: listening.resolve,
      },
      stop.signal,
    )
    ended.catch(listening.reject)
    const port = await listening.promise
    return (itself.is = new ControlPlane({ port, dir, authority, ended, stop }))
  }

  /** The folder of a node's certificate. */
  async identityOf(node: string): Promise<string> {
    const dir = join(this.#dir, node)
    await makeTestIdentity(this.#authority, { trustDomain: TRUST_DOMAIN, kind: 'instance', name: node }, dir)
    return dir
  }

  /** From now on the node has to look like this. */
  want(node: string, state: MessageInitShape<typeof NodeStateSchema>): void {
    this.#states.set(node, create(NodeStateSchema, { nodeInstanceId: node, ...state }))
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** The version that a node is to have. */
  wanted(node: string): string | undefined {
    return this.#states.get(node)?.version
  }

  heard(node: string): Heard {
    const heard = this.#heard.get(node) ?? { keys: new Map(), confirmed: [], reports: [], watching: 0 }
    this.#heard.set(node, heard)
    return heard
  }

  async *#watch(node: string, has: string, signal: AbortSignal) {
    const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    this.heard(node).watching += 1
    for (let sent = has; !signal.aborted;) {
      const next = this.#changed.promise
      const state = this.#states.get(node)
      if (state && state.version !== sent) {
        sent = state.version
        yield { state }
      }
      await Promise.race([next, gone])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#ended
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

function fail(): never {
  throw new Error('the control plane does not listen yet')
}
