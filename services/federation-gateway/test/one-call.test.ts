import { once } from 'node:events'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { BEAT } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Calls as they lie on the wire, with what no gRPC client would send. */
const { heartbeat, addCheckpoint } = FederationService.method
const BEAT_BYTES = Buffer.from(toBinary(heartbeat.input, create(heartbeat.input, BEAT)))
const NOTE_BYTES = Buffer.from(toBinary(addCheckpoint.input, create(addCheckpoint.input, { checkpoint: 'a note' })))
const [OK, INVALID, LATE] = ['0', '3', '4']
let world: World
let b: Platform
let session: ClientHttp2Session

beforeAll(async () => {
  ;[world, b] = await Promise.all([startWorld({ calls: { callsPerPeer: 100_000 } }), makePlatform('b.example')])
  world.registry.put(routeTo(b))
  await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
  const { cert, key } = b.gateway
  session = connect(`https://127.0.0.1:${world.door}`, {
    cert,
    key,
    servername: b.trustDomain,
    rejectUnauthorized: false,
  })
  await once(session, 'connect')
})
afterAll(async () => {
  session.close()
  await world.stop()
})

function begin({ name }: { readonly name: string }, headers: IncomingHttpHeaders = {}) {
  const path = `/${FederationService.typeName}/${name}`
  const type = { 'content-type': 'application/grpc', te: 'trailers' }
  return session.request({ ':method': 'POST', ':path': path, ...type, ...headers })
}

/** What came of it: the status, and the answer's bytes. */
async function ended(stream: ReturnType<typeof begin>): Promise<{ status: unknown; bytes: Buffer }> {
  let status: unknown
  const pieces: Buffer[] = []
  const look = (headers: IncomingHttpHeaders) => void (status = headers['grpc-status'] ?? status)
  stream.on('response', look).on('trailers', look)
  stream.on('data', (piece: Buffer) => void pieces.push(piece))
  await once(stream, 'end')
  return { status, bytes: Buffer.concat(pieces) }
}

function framed(bytes: Buffer, packed = 0): Buffer {
  const head = Buffer.from([packed, 0, 0, 0, 0])
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

const outcomes = (rpc: string) =>
  world
    .logged()
    .filter((line) => line['rpc'] === `${FederationService.typeName}/${rpc}`)
    .map((line) => line['outcome'])

test('a message that comes byte by byte is answered as one that comes at once', async () => {
  const stream = begin(heartbeat)
  for (const byte of framed(BEAT_BYTES)) stream.write(Buffer.from([byte]))
  stream.end()
  const { status, bytes } = await ended(stream)
  expect(status).toBe(OK)
  expect(Buffer.from(fromBinary(heartbeat.output, bytes.subarray(5)).echoNonce)).toEqual(Buffer.from(BEAT.nonce))
})

test('a message that is packed is unpacked', async () => {
  const stream = begin(heartbeat, { 'grpc-encoding': 'gzip' })
  stream.end(framed(gzipSync(BEAT_BYTES), 1))
  expect(await ended(stream)).toMatchObject({ status: OK })
})

test.each([
  ['no message', Buffer.alloc(0)],
  ['half a message', framed(BEAT_BYTES).subarray(0, 9)],
  ['two messages', Buffer.concat([framed(BEAT_BYTES), framed(BEAT_BYTES)])],
])('%s is refused, with a reason, and logged', async (_what, bytes) => {
  const before = outcomes('Heartbeat').length
  const stream = begin(heartbeat)
  stream.end(bytes)
  expect((await ended(stream)).status).toBe(INVALID)
  await until(() => outcomes('Heartbeat').length > before)
  expect(outcomes('Heartbeat').at(-1)).toBe('REQUEST_INVALID')
})

test('a deadline that cannot be read is refused before the message is', async () => {
  const stream = begin(heartbeat, { 'grpc-timeout': 'soon' })
  expect((await ended(stream)).status).toBe(INVALID)
  stream.close()
})

test('a caller hears when its deadline has passed, and whoever we asked for it is let go', async () => {
  const letGo = Promise.withResolvers<void>()
  world.ledger.answers.witnessCheckpoint = async (_request, context) => {
    context.signal.addEventListener('abort', () => letGo.resolve())
    return new Promise(() => {})
  }
  const stream = begin(addCheckpoint, { 'grpc-timeout': '300m' })
  stream.end(framed(NOTE_BYTES))
  expect((await ended(stream)).status).toBe(LATE)
  await letGo.promise
  expect(outcomes('AddCheckpoint')).toEqual(['DEADLINE_EXCEEDED'])
})

test('of a caller that hangs up the log says so, once, and whoever we asked for it is let go', async () => {
  const [asked, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  world.ledger.answers.witnessCheckpoint = async (_request, context) => {
    context.signal.addEventListener('abort', () => letGo.resolve())
    asked.resolve()
    return new Promise(() => {})
  }
  const before = outcomes('AddCheckpoint').length
  const stream = begin(addCheckpoint)
  stream.end(framed(NOTE_BYTES))
  await asked.promise
  stream.close(8) // CANCEL
  await letGo.promise
  expect(outcomes('AddCheckpoint').slice(before)).toEqual(['canceled'])
})
