import { createSecureContext } from 'node:tls'
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js'
import { create, toBinary } from '@bufbuild/protobuf'
import { testDatabase } from '@powernode/postgres/testing'
import {
  CheckAccessRequestSchema,
  GetResourceRequestSchema,
} from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { Around } from './federated/neighbours.ts'
import { familyCpuMicros } from './federated/processors.ts'
import { startMeasured, type MeasuredThread } from './federated/measured-thread.ts'
import { askAtOnce, askEvery, type Ask, type Waited } from './federated/rates.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { withPostgres } from './own-postgres.ts'

const RUNS = Number(process.env['RUNS'] ?? 5)
const CALLS = Number(process.env['CALLS'] ?? 6_000)
/**
 * So many that both servers have all they can do: one busy peer, or many that are not. Ours answers when its record is on the
 * disk, some milliseconds later; with few at once it is those that are measured, and not how much it can carry.
 */
const AT_ONCE = Number(process.env['AT_ONCE'] ?? 256)
const FEW_AT_ONCE = 64
/** Far below what it can carry, as most of the time. */
const STEADY = { perSecond: 500, calls: 2_500, limitMs: 5 }
const WHO = ['server', 'ledger', 'postgres', 'client', 'helpers'] as const
const PATH = '/powernode.federation.v1.FederationService'

/**
 * What a call costs, in microseconds of a processor: of the thread that serves, and of all the others behind the figure.
 * `helpers`: what V8 does beside the threads of this process, for all of them (collecting garbage, compiling).
 */
type Cost = Readonly<Record<'server' | 'ledger' | 'postgres' | 'client' | 'helpers', number>>
type Run = Waited & { readonly perSecond: number; readonly cost: Cost }
/** One road to measure: who serves it, how to ask once, and how many do at a time. */
type Road = { readonly used: () => Promise<Cost>; readonly ask: Ask; readonly atOnce?: number }

/**
 * A federated call (TLS, admission, decision, durable record, and with GetResource the owner's answer) beside the same
 * call to a bare grpc-js echo over the same TLS, in turns: calls a second, and what a call costs the server's processor.
 *
 * The client is the same thread for both, and each server has a thread of its own. Ours are all of production: nobody is
 * answered before the ledger has the decision in a Postgres that writes to disk. In calls a second that is all inside:
 * the ledger (one thread, with the owner of the resources) and its database take their part of the same processors,
 * which a bare echo has to itself. What each of them used is said beside it. Not inside: its log lines are made, and
 * thrown away. The same with few calls at once, and at a steady rate, where the wait for an answer is what counts.
 */
export async function run(): Promise<Report> {
  return withPostgres(async ({ pid }) => {
    const dir = new URL('../../services/audit-ledger/migrations', import.meta.url)
    const database = await testDatabase({ schema: 'audit_ledger', dir })
    const neighbours = await startMeasured<Around>('./neighbours.ts', { url: database.url })
    const around = neighbours.said
    const gateway = await startMeasured<{ port: number }>('./gateway.ts', around)
    const bare = await startMeasured<{ port: number }>('./bare.ts', around)
    const usedBy = (server: MeasuredThread<unknown>, idle: MeasuredThread<unknown>) => async (): Promise<Cost> => {
      const [serves, idles, ledger] = [await server.cpuMicros(), await idle.cpuMicros(), await neighbours.cpuMicros()]
      const client = microsOf(process.threadCpuUsage())
      const helpers = microsOf(process.cpuUsage()) - serves - idles - ledger - client
      return { server: serves, ledger, client, helpers, postgres: familyCpuMicros(pid) }
    }
    const [ours, echo] = [new Peer(gateway.said.port, around), new Peer(bare.said.port, around)]
    try {
      const { kind, id } = around
      const check = bytesOf(CheckAccessRequestSchema, { kind, id, scope: 'read' })
      const get = bytesOf(GetResourceRequestSchema, { kind, id })
      await ours.untilServed(check)
      const toCheck = { used: usedBy(gateway, bare), ask: () => ours.ask('CheckAccess', check) }
      const toEcho = { used: usedBy(bare, gateway), ask: () => echo.ask('CheckAccess', check) }
      const measured = await inTurns({
        check: toCheck,
        get: { ...toCheck, ask: () => ours.ask('GetResource', get), atOnce: FEW_AT_ONCE },
        bare: toEcho,
        fewChecks: { ...toCheck, atOnce: FEW_AT_ONCE },
        fewBare: { ...toEcho, atOnce: FEW_AT_ONCE },
      })
      const steady = { check: await askSteadily(toCheck.ask), bare: await askSteadily(toEcho.ask) }
      return report(measured, steady)
    } finally {
      ours.close()
      echo.close()
      await gateway.stop()
      await Promise.all([bare.stop(), neighbours.stop()])
      await database.drop()
    }
  })
}

type Measured = Record<'check' | 'get' | 'bare' | 'fewChecks' | 'fewBare', Run[]>

function report(measured: Measured, steady: Record<'check' | 'bare', readonly number[]>): Report {
  const rate = (road: keyof Measured) => median(measured[road].map(({ perSecond }) => perSecond))
  const cpu = (road: keyof Measured, of: keyof Cost = 'server') => median(measured[road].map(({ cost }) => cost[of]))
  const inside = (road: keyof Measured) => Object.fromEntries(WHO.map((who) => [who, rounded(cpu(road, who), 1)]))
  const waits = measured.check.flatMap((one) => one.waits)
  const p95Ms = quantile(steady.check, 0.95)
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
    // Beside the bare echo on the same processors: all of these are inside of `ours`.
    cpu_us_per_call: { check: inside('check'), get_resource: inside('get'), bare: inside('bare') },
    // Of the thread that serves, alone: what is left when the ledger and its database have processors of their own.
    cpu_ratio: rounded(cpu('bare') / cpu('check'), 3),
    get_resource: {
      per_s: rounded(rate('get'), 0),
      ratio: rounded(rate('get') / rate('fewBare'), 3),
      cpu_ratio: rounded(cpu('fewBare') / cpu('get'), 3),
    },
    few_at_once: {
      calls_at_once: FEW_AT_ONCE,
      ours: rounded(rate('fewChecks'), 0),
      limit: rounded(rate('fewBare'), 0),
      ratio: rounded(rate('fewChecks') / rate('fewBare'), 3),
      cpu_us_per_call: { check: inside('fewChecks'), bare: inside('fewBare') },
    },
    at_a_steady_rate: {
      calls_per_s: STEADY.perSecond,
      p50_ms: rounded(quantile(steady.check, 0.5)),
      p95_ms: rounded(p95Ms),
      p95_limit_ms: STEADY.limitMs,
      is_within: p95Ms <= STEADY.limitMs,
      bare_p95_ms: rounded(quantile(steady.bare, 0.95)),
    },
  }
}

async function askSteadily(ask: Ask): Promise<readonly number[]> {
  return (await askEvery(ask, STEADY.calls, STEADY.perSecond)).waits
}

/** Each road in turn and all again, so that a busy moment of the machine hits all of them. */
async function inTurns<R extends string>(roads: Readonly<Record<R, Road>>): Promise<Record<R, Run[]>> {
  const names = Object.keys(roads) as R[] // the keys of what we were given
  const measured = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<R, Run[]>
  for (const name of names) await askMany(roads[name], CALLS / 2)
  for (let run = 1; run <= RUNS; run++) {
    for (const name of names) measured[name].push(await askMany(roads[name], CALLS))
    const line = names.map((name) => {
      const { perSecond, cost } = measured[name].at(-1)!
      return `${name} ${perSecond.toFixed(0)}/s at ${WHO.map((who) => `${who} ${cost[who].toFixed(0)}`).join(' + ')} µs`
    })
    say(`run ${run}: ${line.join(', ')}`)
  }
  return measured
}

async function askMany({ used, ask, atOnce = AT_ONCE }: Road, calls: number): Promise<Run> {
  const before = await used()
  const startedAt = performance.now()
  const waited = await askAtOnce(ask, calls, atOnce)
  const perSecond = calls / ((performance.now() - startedAt) / 1_000)
  const after = await used()
  const each = (who: keyof Cost) => (after[who] - before[who]) / calls
  const cost = Object.fromEntries(WHO.map((who) => [who, each(who)])) as Cost // of all of them
  return { ...waited, perSecond, cost }
}

function microsOf({ user, system }: NodeJS.CpuUsage): number {
  return user + system
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

function asItIs(bytes: Buffer): Buffer {
  return bytes
}
