import { workerData } from 'node:worker_threads'
import { LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { CALLERS } from '../../services/liveness/src/rpc.ts'
import { startServer } from './own-server.ts'
import { serveUntilStopped } from './thread.ts'

/** A server of ours whose handler does nothing: what is measured is all that stands around a handler. */
const data = workerData as { tlsDir: string } // as rpc.ts gives it
const handlers = partly(LivenessService, {
  listFreshness: ({ peerIds }) => ({ freshness: peerIds.map((peerId) => ({ peerId })) }),
})
const server = await startServer('liveness', data.tlsDir, [mount(LivenessService, handlers, CALLERS)])
await serveUntilStopped(server.port)
await server.stop()
process.exit()
