import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import { create, toBinary } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { Client as GrpcClient, credentials } from '@grpc/grpc-js'
import { identityDir } from '@powernode/dev/layout'
import { readTlsFiles, type TlsMaterial } from '@powernode/identity'
import { systemClock } from '@powernode/clock'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { ListFreshnessRequestSchema, LivenessService } from '@powernode/proto/powernode/liveness/v1/service_pb.ts'
import { grpcDefinition } from '@powernode/rpc'
import { TestPlatform } from '../mesh.ts'
import { makeIdentities, roadTo } from './own-server.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { startThread } from './thread.ts'

const RUNS = 5
const CALLS = 6_000
const AT_ONCE = 64
const LIST_FRESHNESS = '/powernode.liveness.v1.LivenessService/ListFreshness'
const REQUEST = create(ListFreshnessRequestSchema, { peerIds: ['01980000-0000-7000-8000-000000000000'] })

/** A way to ask once; resolves with the answer, whatever it is. */
type Ask = () => Promise<unknown>

/**
 * Unary calls a second: our server with everything it does about a call, over mTLS, beside an http2 server of Node that
 * sends back what it gets over the same TLS; and the peers' door, which speaks gRPC by grpc-js.
 */
export async function run(): Promise<Report> {
  const { dirs, remove } = await makeIdentities('liveness', { kind: 'operator', name: 'alice' })
  const hangUp = new AbortController()
  const ours = await startThread('rpc-ours.ts', { tlsDir: dirs.server })
  const bare = await startThread('rpc-bare.ts', { tlsDir: dirs.server })
  const platform = await TestPlatform.start('a', {
    processes: true,
    env: { 'federation-gateway': { MAX_CALLS_PER_PEER: '1000000' } }, // the limit is not what is measured
  })
  const tls = readTlsFiles(dirs.caller, systemClock.now())
  const sessions = [ours, bare].map(({ port }) => connect(`https://127.0.0.1:${port}`, tlsOptions(tls)))
  const grpc = doorClient(platform)
  try {
    const client = createClient(LivenessService, roadTo('liveness', ours.port, dirs.caller, hangUp.signal))
    const [toOurs, toBare] = sessions as [ClientHttp2Session, ClientHttp2Session]
    const body = Buffer.from(toBinary(ListFreshnessRequestSchema, REQUEST))
    const roads = {
      ours: () => client.listFreshness(REQUEST),
      server: () => post(toOurs, LIST_FRESHNESS, body),
      bare: () => post(toBare, '/', body),
      door: grpc.check,
    } satisfies Record<string, Ask>
    const measured = await measureInTurns(roads)
    const rate = (road: keyof typeof roads) => median(measured[road].map(({ perSecond }) => perSecond))
    const waits = measured.ours.flatMap(({ waits }) => waits)
    return {
      bench: 'rpc',
      unit: 'calls/s',
      ours: rounded(rate('ours'), 0),
      limit: rounded(rate('bare'), 0),
      ratio: rounded(rate('ours') / rate('bare'), 3),
      p50_ms: rounded(quantile(waits, 0.5)),
      p99_ms: rounded(quantile(waits, 0.99)),
      runs: measured.ours.map(({ perSecond }) => rounded(perSecond, 0)),
      calls_at_once: AT_ONCE,
      // Our server asked by a bare http2 client: what our client costs is the difference.
      server_only: { per_s: rounded(rate('server'), 0), ratio: rounded(rate('server') / rate('bare'), 3) },
      // The peers' door of a whole platform, asked for its health by a person of it.
      grpc_door: { per_s: rounded(rate('door'), 0), ratio: rounded(rate('door') / rate('bare'), 3) },
    }
  } finally {
    hangUp.abort()
    grpc.close()
    for (const session of sessions) session.close()
    await Promise.all([ours.stop(), bare.stop(), platform.stop()])
    remove()
  }
}

type Measured = { readonly perSecond: number; readonly waits: readonly number[] }

/** Each road in turn and all again, so that a busy moment of the machine hits all of them. */
async function measureInTurns<R extends string>(roads: Readonly<Record<R, Ask>>): Promise<Record<R, Measured[]>> {
  const names = Object.keys(roads) as R[] // the keys of what we were given
  const measured = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<R, Measured[]>
  for (const name of names) await askMany(roads[name], CALLS / 4)
  for (let run = 1; run <= RUNS; run++) {
    for (const name of names) measured[name].push(await askMany(roads[name], CALLS))
    say(`run ${run}: ${names.map((name) => `${name} ${measured[name].at(-1)!.perSecond.toFixed(0)}/s`).join(', ')}`)
  }
  return measured
}

async function askMany(ask: Ask, calls: number): Promise<Measured> {
  const waits: number[] = []
  let left = calls
  const startedAt = performance.now()
  const asker = async () => {
    while (left-- > 0) {
      const askedAt = performance.now()
      await ask()
      waits.push(performance.now() - askedAt)
    }
  }
  await Promise.all([...Array(AT_ONCE)].map(asker))
  return { perSecond: calls / ((performance.now() - startedAt) / 1_000), waits }
}

const tlsOptions = ({ cert, key, ca }: TlsMaterial) => ({
  cert,
  key,
  ca,
  servername: 'localhost',
  checkServerIdentity: () => undefined,
})

/** One unary request in the Connect protocol, by hand. */
async function post(session: ClientHttp2Session, path: string, body: Buffer): Promise<number> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/proto',
    'connect-protocol-version': '1',
  })
  stream.end(body)
  let bytes = 0
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  await once(stream, 'end')
  return bytes
}

function doorClient({ platform }: TestPlatform) {
  const { cert, key, ca } = readTlsFiles(identityDir(platform, 'admin'), systemClock.now())
  const trusted = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert), {
    checkServerIdentity: () => undefined,
  })
  const client = new GrpcClient(`127.0.0.1:${platform.ports.door}`, trusted)
  const { path, requestSerialize, responseDeserialize } = grpcDefinition(Health)['check']!
  const check = () =>
    new Promise<unknown>((resolve, reject) => {
      const options = { deadline: Date.now() + 10_000 }
      const answered = (error: Error | null, answer?: unknown) => (error ? reject(error) : resolve(answer))
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: '' }, options, answered)
    })
  return { check, close: () => client.close() }
}
