import { createHash } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import type { DescService } from '@bufbuild/protobuf'
import type { Client, Transport } from '@connectrpc/connect'
import type { UniversalClientFn } from '@connectrpc/connect/protocol'
import { createTransport } from '@connectrpc/connect/protocol-connect'
import { createLogger, createMetrics, type Metrics } from '@powernode/process'
import { callerText } from '../calls/caller.ts'
import { Refusal } from '../errors/refusal.ts'
import { createClient } from '../client/client.ts'
import { traced } from '../client/transport.ts'
import { createDispatch, type Dispatch } from '../server/dispatch.ts'
import { createHealth, type Health } from '../server/health.ts'
import type { Mount } from '../server/mount.ts'
import { reflection } from '../server/reflection.ts'
import { until } from '../server/until.ts'
import type { OperatorLookup } from '../server/operator-lookup.ts'
import { everyOperator, type TestCaller } from './operators.ts'

/** Services that answer in memory, behind everything a real server has but sockets and TLS. */
export type TestServer = {
  /** How this caller sees the server; undefined is somebody whose certificate is none of ours. */
  readonly transportAs: (caller: TestCaller | undefined) => Transport
  readonly clientAs: <S extends DescService>(service: S, caller: TestCaller | undefined) => Client<S>
  /** The log so far, one object a line. */
  readonly logged: () => Record<string, unknown>[]
  readonly metrics: Metrics
  readonly health: Health
  /** Ends all streams, as a server that stops does. */
  readonly stop: () => void
}

/**
 * Starts a server in memory. Requests pass the same authorization, limits, validation and error mapping as over the
 * network, in the Connect protocol; the caller is whoever the test says.
 */
export function startTestServer(...services: readonly Mount[]): TestServer {
  return startTestServerFor(everyOperator, ...services)
}

/** The same, where `operators` says who may what. */
export function startTestServerFor(operators: OperatorLookup, ...services: readonly Mount[]): TestServer {
  const lines: string[] = []
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const metrics = createMetrics('test')
  const stopping = new AbortController()
  const health = createHealth()
  const own = health.mount(services.map(({ service }) => service.typeName))
  const mounts = [...services, own, ...reflection([...services, own].map(({ service }) => service))]
  const dispatch = createDispatch({ mounts, operators, clock: systemClock, logger, metrics, stopping: stopping.signal })
  const transportAs = (caller: TestCaller | undefined): Transport => transportTo(dispatch, caller)
  return {
    transportAs,
    clientAs: (service, caller) => createClient(service, transportAs(caller)),
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    metrics,
    health,
    stop: () => stopping.abort(new Refusal('SERVICE_UNAVAILABLE', 'the test server is stopping')),
  }
}

function transportTo(dispatch: Dispatch, caller: TestCaller | undefined): Transport {
  const httpClient: UniversalClientFn = async ({ url, method, header, body = nothing(), signal }) => {
    const hungUp = signal ?? new AbortController().signal
    const request = { httpVersion: '2.0', url, method, header, body, signal: hungUp }
    const answer = await until(
      hungUp,
      dispatch(request, { holder: caller, certificateSha256: caller ? thumbprintOf(caller) : '', address: 'memory' }),
    )
    return {
      status: answer.status,
      header: new Headers(answer.header),
      trailer: new Headers(answer.trailer),
      body: answer.body ?? nothing(),
    }
  }
  return createTransport({
    httpClient,
    baseUrl: 'https://test.invalid',
    useBinaryFormat: true,
    interceptors: [traced],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1_024,
    readMaxBytes: 2 ** 31,
    writeMaxBytes: 2 ** 31,
  })
}

/** What stands for a caller's certificate where there is none. */
export function thumbprintOf(caller: TestCaller): string {
  return createHash('sha256').update(callerText(caller)).digest('base64url')
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
