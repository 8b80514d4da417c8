import { createSecureContext } from 'node:tls'
import { systemClock } from '@powernode/clock'
import { ChannelCredentials, Client, Metadata, type ServiceError } from '@grpc/grpc-js'
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { FederationService, type HeartbeatRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'

/** As long as a door lets a call last: a machine that is busy is late, and refuses nobody by it. */
const ANSWER_MS = 60_000

export type Shown = { readonly cert: string; readonly key: string }

export type Outcome<T> = {
  readonly answer: T | undefined
  readonly error: ServiceError | undefined
  readonly trailer: Metadata
}
export type Streamed<T> = {
  readonly answers: T[]
  /** The error it ended with; undefined: it ended well. */
  readonly ended: Promise<ServiceError | undefined>
  readonly cancel: () => void
}

/** A gRPC client as another platform may write one: shows what it is given, under any server name, and trusts anybody. */
export class Caller {
  readonly #client: Client

  constructor(port: number, shown: Shown | undefined, serverName = 'localhost') {
    const context = createSecureContext({ ...shown, minVersion: 'TLSv1.3' })
    const credentials = ChannelCredentials.createFromSecureContext(context, { rejectUnauthorized: false })
    this.#client = new Client(`127.0.0.1:${port}`, credentials, {
      'grpc.ssl_target_name_override': serverName,
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    metadata = new Metadata(),
  ): Promise<MessageShape<O>> {
    const path = `/${method.parent.typeName}/${method.name}`
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)))
    return this.raw(path, bytes, metadata).then((answer) => fromBinary(method.output, answer))
  }

  /** One call and all that came of it: the answer or the error, and the trailer. */
  async outcome<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Outcome<MessageShape<O>>> {
    const { promise, resolve } = Promise.withResolvers<Outcome<MessageShape<O>>>()
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)))
    let answer: MessageShape<O> | undefined
    let error: ServiceError | undefined
    const path = `/${method.parent.typeName}/${method.name}`
    const options = { deadline: new Date(systemClock.now().getTime() + ANSWER_MS) }
    const call = this.#client.makeUnaryRequest(
      path,
      asItIs,
      asItIs,
      bytes,
      metadataOf(headers),
      options,
      (failed, came) => {
        if (failed) error = failed
        else answer = fromBinary(method.output, came ?? Buffer.alloc(0))
      },
    )
    call.once('status', ({ metadata: trailer }) => setImmediate(() => resolve({ answer, error, trailer })))
    return promise
  }

  /** A stream of answers. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    headers: Readonly<Record<string, string>> = {},
  ): Streamed<MessageShape<O>> {
    const path = `/${method.parent.typeName}/${method.name}`
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)))
    const call = this.#client.makeServerStreamRequest(path, asItIs, asItIs, bytes, metadataOf(headers))
    const answers: MessageShape<O>[] = []
    const ended = new Promise<ServiceError | undefined>((resolve) => {
      call.once('error', resolve)
      call.once('end', () => setImmediate(() => resolve(undefined)))
    })
    call.on('data', (came: Buffer) => answers.push(fromBinary(method.output, came)))
    return { answers, ended, cancel: () => call.cancel() }
  }

  /** Any bytes to any path. */
  raw(path: string, bytes: Buffer, metadata = new Metadata()): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const done = (error: ServiceError | null, answer?: Buffer) =>
      error ? reject(error) : resolve(answer ?? Buffer.alloc(0))
    this.#client.makeUnaryRequest(
      path,
      asItIs,
      asItIs,
      bytes,
      metadata,
      { deadline: new Date(systemClock.now().getTime() + ANSWER_MS) },
      done,
    )
    return promise
  }

  beat(some: MessageInitShape<typeof HeartbeatRequestSchema> = {}) {
    return this.call(FederationService.method.heartbeat, { ...BEAT, ...some } as typeof BEAT)
  }

  close(): void {
    this.#client.close()
  }
}

export const BEAT = {
  nonce: new Uint8Array(16).fill(7),
  sentAt: { seconds: 1_800_000_000n, nanos: 0 },
  epoch: 1n,
  incarnation: new Uint8Array(16).fill(3),
  sequence: 1n,
}

function asItIs(bytes: Buffer): Buffer {
  return bytes
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}
