import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createClient } from '@powernode/rpc'
import { setTimeout as wait } from 'node:timers/promises'
import { type Platform } from '../platform.ts'

const POLL_MS = 25
const ACTIVE_TIMEOUT_MS = 150_000

/** What the demo asks a platform's registry without typing a command: often, and only to look. */
export function openRegistry(platform: Platform, signal: AbortSignal) {
  const client = createClient(
    PeerRegistryService,
    {
      address: { host: '127.0.0.1', port: platform.ports['peer-registry'] },
      server: 'peer-registry',
      trustDomain: platform.trustDomain,
      tlsDir: platform.operatorDir,
      clock: systemClock,
      logger: createLogger('demo', { level: 'silent' }),
    },
    signal,
  )

  /** Its newest peering with the platform of that trust domain, or that url while nothing more is known of it. */
  async function peering(trustDomain: string, url: string): Promise<Peer | undefined> {
    const { peers } = await client.listPeers({}, { signal })
    const found = peers.filter((peer) => peer.trustDomain === trustDomain || (!peer.trustDomain && peer.url === url))
    return found.toSorted((x, y) => (x.id < y.id ? 1 : -1))[0]
  }

  /** Waits until the peering is active; `say` hears what it is until then. */
  async function active(trustDomain: string, url: string, say: (detail: string) => void): Promise<void> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(ACTIVE_TIMEOUT_MS)])
    let last = 'unknown here'
    while (!deadline.aborted) {
      const peer = await peering(trustDomain, url)
      if (peer?.state === PeerState.ACTIVE) return say('active')
      if (peer !== undefined) last = [stateWord(peer.state), peer.reason].filter(Boolean).join(': ')
      if (peer?.state === PeerState.REVOKED || peer?.state === PeerState.SUSPENDED) throw new Error(last)
      say(last)
      await wait(POLL_MS, undefined, { signal: deadline }).catch(() => undefined)
    }
    signal.throwIfAborted()
    throw new Error(`still ${last} after ${ACTIVE_TIMEOUT_MS / 1000} s`)
  }

  return { peering, active }
}

export type Registry = ReturnType<typeof openRegistry>

export function stateWord(state: PeerState): string {
  const [word] = Object.entries(PeerState).find(([, value]) => value === state) ?? ['unknown']
  return word.toLowerCase()
}
