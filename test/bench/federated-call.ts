import { createSecureContext } from 'node:tls'
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import { create, toBinary } from '@bufbuild/protobuf'
import { testDatabase } from '@powernode/postgres/testing'
import {
  CheckAccessRequestSchema,
  GetResourceRequestSchema,
} from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { refusalOf } from '@powernode/rpc'
import type { Around } from './federated/neighbours.ts'
import { startMeasured, type MeasuredThread } from './federated/measured-thread.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { withPostgres } from './own-postgres.ts'

const RUNS = Number(process.env['RUNS'] ?? 5)
const CALLS = Number(process.env['CALLS'] ?? 6_000)
const AT_ONCE = 64
const PATH = '/powernode.federation.v1.FederationService'

type Run = {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly waits: readonly number[]
  readonly refusedForNow: number
}
/** One road to measure: who serves it, and how to ask once. */
type Road = { readonly server: MeasuredThread<unknown>; readonly ask: () => Promise<unknown> }

/**
 * A federated call (TLS, admission, decision, durable record, and with GetResource the owner's answer) beside the same
 * call to a bare grpc-js echo over the same TLS, in turns: calls a second, and what a call costs the server's processor.
 *
 * The two figures say different things on a small machine: in calls a second, the ledger and its database take their
 * part of the same processors, which a bare echo has to itself.
 */
export async function run(): Promise<Report> {
  return withPostgres(async () => {
    const dir = new URL('../../services/audit-ledger/migrations', import.meta.url)
    const database = await testDatabase({ schema: 'audit_ledger', dir })
    const neighbours = await startMeasured<Around>('./neighbours.ts', { url: database.url })
    const around = neighbours.said
    const gateway = await startMeasured<{ port: number }>('./gateway.ts', around)
    const bare = await startMeasured<{ port: number }>('./bare.ts', around)
    const [ours, echo] = [new Peer(gateway.said.port, around), new Peer(bare.said.port, around)]
    try {
      const { kind, id } = around
      const check = bytesOf(CheckAccessRequestSchema, { kind, id, scope: 'read' })
      const get = bytesOf(GetResourceRequestSchema, { kind, id })
      await ours.untilServed(check)
      const measured = await inTurns({
        check: { server: gateway, ask: () => ours.ask('CheckAccess', check) },
        get: { server: gateway, ask: () => ours.ask('GetResource', get) },
        bare: { server: bare, ask: () => echo.ask('CheckAccess', check) },
      })
      return report(measured)
    } finally {
      ours.close()
      echo.close()
      await gateway.stop()
      await Promise.all([bare.stop(), neighbours.stop()])
      await database.drop()
    }
  })
}

function report(measured: Record<'check' | 'get' | 'bare', Run[]>): Report {
  const rate = (road: keyof typeof measured) => median(measured[road].map(({ perSecond }) => perSecond))
  const cpu = (road: keyof typeof measured) => median(measured[road].map(({ cpuMicros }) => cpuMicros))
  const waits = measured.check.flatMap((one) => one.waits)
  return {
    bench: 'federated-call',
    unit: 'calls/s',
    ours: rounded(rate('check'), 0),
    limit: rounded(rate('bare'), 0),
    ratio: rounded(rate('check') / rate('bare'), 3),
    p50_ms: rounded(quantile(waits, 0.5)),
    p99_ms: rounded(quantile(waits, 0.99)),
    runs: measured.check.map(({ perSecond }) => rounded(perSecond, 0)),
    calls_at_once: AT_ONCE,
    refused_for_now: measured.check.reduce((sum, one) => sum + one.refusedForNow, 0),
    // Of the thread that serves, alone: what is left when the ledger and its database have processors of their own.
    cpu_us_per_call: { ours: rounded(cpu('check'), 1), bare: rounded(cpu('bare'), 1) },
    cpu_ratio: rounded(cpu('bare') / cpu('check'), 3),
    get_resource: {
      per_s: rounded(rate('get'), 0),
      ratio: rounded(rate('get') / rate('bare'), 3),
      cpu_us_per_call: rounded(cpu('get'), 1),
      cpu_ratio: rounded(cpu('bare') / cpu('get'), 3),
    },
  }
}

/** Each road in turn and all again, so that a busy moment of the machine hits all of them. */
async function inTurns<R extends string>(roads: Readonly<Record<R, Road>>): Promise<Record<R, Run[]>> {
  const names = Object.keys(roads) as R[] // the keys of what we were given
  const measured = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<R, Run[]>
  for (const name of names) await askMany(roads[name], CALLS / 2)
  for (let run = 1; run <= RUNS; run++) {
    for (const name of names) measured[name].push(await askMany(roads[name], CALLS))
    const line = names.map((name) => {
      const { perSecond, cpuMicros } = measured[name].at(-1)!
      return `${name} ${perSecond.toFixed(0)}/s at ${cpuMicros.toFixed(0)} µs`
    })
    say(`run ${run}: ${line.join(', ')}`)
  }
  return measured
}

async function askMany({ server, ask }: Road, calls: number): Promise<Run> {
  const waits: number[] = []
  let [left, refusedForNow] = [calls, 0]
  const cpuBefore = await server.cpuMicros()
  const startedAt = performance.now()
  const asker = async () => {
    while (left-- > 0) {
      const askedAt = performance.now()
      // A machine with more to do than processors lets a lease run out now and then: asked again, and counted.
      while (!(await ask().then(Boolean, isForNow))) refusedForNow += 1
      waits.push(performance.now() - askedAt)
    }
  }
  await Promise.all([...Array(AT_ONCE)].map(asker))
  const perSecond = calls / ((performance.now() - startedAt) / 1_000)
  return { perSecond, cpuMicros: ((await server.cpuMicros()) - cpuBefore) / calls, waits, refusedForNow }
}

/** A peer's gRPC client, of bytes. */
class Peer {
  readonly #client: Client
  readonly #headers = new Metadata()

  constructor(port: number, { peer, bearer }: Around) {
    const context = createSecureContext({ ...peer, minVersion: 'TLSv1.3' })
    const credentials = ChannelCredentials.createFromSecureContext(context, { rejectUnauthorized: false })
    this.#client = new Client(`127.0.0.1:${port}`, credentials, { 'grpc.ssl_target_name_override': 'b.example' })
    this.#headers.set('authorization', `Bearer ${bearer}`)
  }

  ask(method: string, bytes: Buffer): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    this.#client.makeUnaryRequest(`${PATH}/${method}`, asItIs, asItIs, bytes, this.#headers, (error, answer) =>
      error ? reject(error) : resolve(answer ?? Buffer.alloc(0)),
    )
    return promise
  }

  async untilServed(bytes: Buffer): Promise<void> {
    const giveUp = AbortSignal.timeout(30_000)
    for (let served = false; !served;) {
      giveUp.throwIfAborted()
      served = await this.ask('CheckAccess', bytes).then(
        () => true,
        () => false,
      )
    }
  }

  close(): void {
    this.#client.close()
  }
}

function bytesOf<T extends Parameters<typeof create>[0]>(schema: T, said: Parameters<typeof create<T>>[1]): Buffer {
  return Buffer.from(toBinary(schema, create(schema, said)))
}

/** False: to be asked again. Any other refusal is a fault of the bench. */
function isForNow(error: unknown): false {
  if (refusalOf(error)?.reason === 'POLICY_STALE') return false
  throw error
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
