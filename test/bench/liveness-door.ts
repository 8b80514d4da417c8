import { workerData } from 'node:worker_threads'
import { systemClock } from '@powernode/clock'
import { openDb } from '@powernode/postgres'
import { createMetrics } from '@powernode/process'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import type { PeerFeed } from '../../services/liveness/src/feed/peer-feed.ts'
import type { WatchedPeer } from '../../services/liveness/src/feed/watched-peer.ts'
import { Ear } from '../../services/liveness/src/watch/ear.ts'
import { noHeads } from '../../services/liveness/src/heads/ledger-heads.ts'
import { beatMetrics } from '../../services/liveness/src/metrics/beat-metrics.ts'
import { Tally } from '../../services/liveness/src/level/tally.ts'
import { createRecorder } from '../../services/liveness/src/recorder/recorder.ts'
import { CALLERS, handlers } from '../../services/liveness/src/rpc.ts'
import type { Tables } from '../../services/liveness/src/store/tables.ts'
import { startServer } from './own-server.ts'
import { serveUntilStopped } from './thread.ts'

/** liveness's door as it runs in production, over its real road; its peers are known from the beginning. */
const data = workerData as { url: string; tlsDir: string; peerIds: readonly string[] } // as heartbeat.ts gives it

const timers = { heartbeatIntervalMs: 60_000, certificates: [], staleAfterMs: 300_000 }
const peers = data.peerIds.map((peerId): WatchedPeer => ({
  peerId,
  state: 'active',
  trustBundleSequence: 1n,
  versionStatus: 'compatible',
  ...timers,
}))
const feed: PeerFeed = {
  peers: new Map(peers.map((peer) => [peer.peerId, peer])),
  local: () => undefined,
  isComplete: () => true,
  subscribe: () => {},
  follow: async () => {},
}
const db = openDb<Tables>({ url: data.url, schema: 'liveness', applicationName: 'bench' })
const recorder = createRecorder({ db, clock: systemClock, tally: new Tally() })
const deps = {
  db,
  clock: systemClock,
  feed,
  recorder,
  heads: noHeads,
  ear: new Ear(),
  metrics: beatMetrics(createMetrics('liveness')),
}
const server = await startServer('liveness', data.tlsDir, [mount(LivenessService, handlers(deps), CALLERS)])
await serveUntilStopped(server.port)
await server.stop()
await recorder.idle()
await db.destroy()
process.exit()
