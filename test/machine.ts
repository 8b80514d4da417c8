import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { identityDir } from '@powernode/dev/layout'
import { configFrom } from '@powernode/node-agent/config'
import { run } from '@powernode/node-agent/service'
import { payloadFrom, writePayload, type Payload, type PayloadKey } from '@powernode/payload'
import { createLogger } from '@powernode/process'
import { SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { systemClock } from '@powernode/clock'
import { createClient, openTransport } from '@powernode/rpc'
import { firstRun } from '../services/node-agent/src/first-run/first-run.ts'
import { progressIn } from '../services/node-agent/src/first-run/progress.ts'
import type { TestPlatform } from './mesh.ts'

type Ending = Awaited<ReturnType<typeof run>>

const QUIET = createLogger('node-agent', { level: 'silent' })

class Death extends Error {}

const MODES = {
  managed_child: SpawnMode.MANAGED_CHILD,
  autonomous_peer: SpawnMode.AUTONOMOUS_PEER,
  cluster_member: SpawnMode.CLUSTER_MEMBER,
} as const

/** What spawn-provisioner has its registry do before a machine is made, and the payload that the machine is handed. */
export async function prepareChild(parent: TestPlatform, spawnMode: Payload['spawn_mode'], ttlMs = 600_000) {
  const registry = createClient(PeerRegistryService, parent.transport('peer-registry', 'spawn-provisioner'))
  const instanceId = randomUUID()
  const { peer, invitation } = await registry.prepareChild({
    spawnId: randomUUID(),
    spawnMode: MODES[spawnMode],
    name: `child-${instanceId.slice(0, 8)}`,
    instanceId,
    tokenTtl: durationFromMs(ttlMs),
    onBehalfOf: 'operator/admin',
  })
  const { platform, caPin } = await registry.getPlatform({})
  if (!peer || !platform || !invitation) throw new Error('a child was not prepared')
  const payload = payloadFrom({
    parent_url: parent.platform.url,
    acceptance_token: invitation.acceptanceToken,
    spawn_mode: spawnMode,
    parent_peer_id: peer.id,
    contract_version: 'v1',
    child_template_id: randomUUID(),
    ca_pin: caPin,
    parent_identity_key: Buffer.from(platform.identityKey).toString('base64url'),
    parent_platform_id: platform.platformId,
    hostname: 'child',
    trust_domain: `child.${platform.trustDomain}`,
    instance_id: instanceId,
    contact: 'ops@example.org',
    jurisdiction: 'DE',
  })
  return { peerId: peer.id, payload, registry }
}

/** What stands for a machine: a directory with its payload and its state, beside a platform that is its own. */
export class Machine {
  readonly dir = mkdtempSync(join(tmpdir(), 'machine-'))
  readonly stateDir = join(this.dir, 'state')
  readonly payloadRoot = join(this.dir, 'fw')
  readonly #platform: TestPlatform

  constructor(platform: TestPlatform) {
    this.#platform = platform
  }

  hand(payload: Payload, said: Partial<Record<PayloadKey, string>> = {}): Promise<void> {
    return writePayload(this.payloadRoot, payloadFrom({ ...payload, ...said }))
  }

  /**
   * Runs the agent as its main does, until it ends by itself, `signal` aborts, or its first run is over: one that has something to
   * keep up would go on, and is told to stop then. Its machine is a child either way: 'finished'.
   */
  async firstRun(signal: AbortSignal = AbortSignal.any([])): Promise<Ending> {
    const over = new AbortController()
    rmSync(join(this.stateDir, 'progress'), { force: true })
    const running = this.#live(AbortSignal.any([signal, over.signal]))
    const watching = this.#untilAccepted(over)
    try {
      const ending = await running
      return ending === 'stopped' && over.signal.aborted && !signal.aborted ? 'finished' : ending
    } finally {
      over.abort()
      await watching
    }
  }

  async #untilAccepted(over: AbortController): Promise<void> {
    while (!over.signal.aborted) {
      const said = existsSync(join(this.stateDir, 'progress')) ? this.progress() : ''
      if (/^(active|accepted by its parent)/.test(said)) over.abort()
      await systemClock.sleep(20, over.signal)
    }
  }

  #live(signal: AbortSignal): Promise<Ending> {
    const { platform } = this.#platform
    const at = (name: 'peer-registry' | 'grant-authz' | 'federation-gateway') => `127.0.0.1:${platform.ports[name]}`
    const config = configFrom({
      IDENTITY_DIR: identityDir(platform, 'node-agent'),
      TRUST_DOMAIN: platform.trustDomain,
      STATE_DIR: this.stateDir,
      PAYLOAD_ROOT: this.payloadRoot,
      PAYLOAD_FILE: join(this.dir, 'payload.json'),
      PEER_REGISTRY_ADDRESS: at('peer-registry'),
      GRANT_AUTHZ_ADDRESS: at('grant-authz'),
      GATEWAY_ADDRESS: at('federation-gateway'),
    })
    return run(config, signal, { logger: QUIET })
  }

  /**
   * The same, but the answer to its `words`-th question is lost, and the agent dies of it: what it asked for was done, and
   * it does not know. A look that it repeats is one question, however often a slow machine has it look. True: it came to its
   * end before.
   */
  async dyingAt(words: number): Promise<boolean> {
    const { platform } = this.#platform
    const { trustDomain } = platform
    const over = new AbortController()
    const tlsDir = identityDir(platform, 'node-agent')
    const roadTo = (server: 'peer-registry' | 'grant-authz' | 'federation-gateway') => {
      const address = { host: '127.0.0.1', port: platform.ports[server] }
      return openTransport({ address, server, trustDomain, tlsDir, clock: systemClock, logger: QUIET }, over.signal)
    }
    const questions = new Set<string>()
    const dying = <C extends object>(client: C): C =>
      new Proxy(client, {
        get: (target, name) => async (request: unknown, options: unknown) => {
          const ask: unknown = Reflect.get(target, name)
          if (typeof ask !== 'function') throw new Error(`${String(name)} is no question`)
          const answer: unknown = await ask(request, options)
          const question = `${String(name)} ${Object.keys(request as object).join()}`
          if (!questions.has(question) && questions.add(question).size === words) throw new Death()
          return answer
        },
      })
    try {
      await firstRun(
        {
          registry: dying(createClient(PeerRegistryService, roadTo('peer-registry'))),
          federation: dying(createClient(FederationService, roadTo('federation-gateway'))),
          grants: dying(createClient(GrantAuthzService, roadTo('grant-authz'))),
          approvals: dying(createClient(ApprovalService, roadTo('grant-authz'))),
          replica: { take: () => Promise.resolve(), run: () => Promise.resolve() },
          progress: progressIn(this.stateDir, QUIET),
          places: { fwCfgRoot: this.payloadRoot, file: join(this.dir, 'payload.json') },
          stateDir: this.stateDir,
          clock: systemClock,
          logger: QUIET,
        },
        over.signal,
      )
      return true
    } catch (error) {
      if (error instanceof Death) return false
      throw error
    } finally {
      over.abort()
    }
  }

  progress(): string {
    return readFileSync(join(this.stateDir, 'progress'), 'utf8').trim()
  }

  marker(): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.stateDir, 'federation-accepted'), 'utf8'))
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
