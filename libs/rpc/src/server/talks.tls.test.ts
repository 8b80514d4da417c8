import { connect, type IncomingHttpHeaders } from 'node:http2'
import { credentials, Client, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'
import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readTlsFiles } from '@powernode/identity'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
  AuditLedgerService,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { createClient } from '../client/client.ts'
import { openTalks } from '../client/talk.ts'
import { refusalOf } from '../errors/refusal-of.ts'
import { Refusal } from '../errors/refusal.ts'
import { framed } from '../frames/frame.ts'
import { expectRefusal } from '../testing/expect-refusal.ts'
import { partly } from '../testing/partly.ts'
import { startTlsServer, type TlsServer } from '../testing/tls-server.ts'
import { mount, type CallersTable } from './mount.ts'

const METHOD = AuditLedgerService.method.appendStream
const PATH = `/${AuditLedgerService.typeName}/${METHOD.name}`
const CALLERS = {
  ...Object.fromEntries(AuditLedgerService.methods.map(({ localName }) => [localName, []])),
  appendStream: ['service/liveness'],
} as unknown as CallersTable<typeof AuditLedgerService> // a row for each of its methods

let server: TlsServer
let dir: string
let open: Client[]
/** Messages in the order they came, each to be answered by the test, or refused. */
let taken: { readonly number: bigint; readonly done: PromiseWithResolvers<void> }[]
let isHeld: boolean

const numbered = (number: bigint) =>
  Buffer.from(toBinary(AppendStreamRequestSchema, create(AppendStreamRequestSchema, { number })))
const answer = async (message: Buffer) => {
  const { number } = fromBinary(AppendStreamRequestSchema, message)
  const done = Promise.withResolvers<void>()
  taken.push({ number, done })
  if (!isHeld) done.resolve()
  await done.promise
  return toBinary(AppendStreamResponseSchema, create(AppendStreamResponseSchema, { number }))
}

beforeEach(async () => {
  ;[open, taken, isHeld] = [[], [], false]
  const handlers = partly(AuditLedgerService, {
    async *appendStream(messages) {
      for await (const { number } of messages) yield { number: number + 1_000n }
    },
  })
  server = await startTlsServer(mount(AuditLedgerService, handlers, CALLERS, { appendStream: { atOnce: 3, answer } }))
  dir = await server.identity({ kind: 'service', name: 'liveness' })
})
afterEach(async () => {
  for (const client of open) client.close()
  await server.stop()
})

/** A stream by somebody else's gRPC. */
function grpc(tlsDir: string, metadata = new Metadata()) {
  const { cert, key, ca } = readTlsFiles(tlsDir)
  const [roots, ownKey, chain] = [ca, key, cert].map((pem) => Buffer.from(pem))
  const ssl = credentials.createSsl(roots, ownKey, chain, { checkServerIdentity: () => undefined })
  const client = new Client(`127.0.0.1:${server.port}`, ssl)
  open.push(client)
  const asItIs = (bytes: Buffer) => bytes
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(PATH, asItIs, asItIs, metadata)
  const answers: bigint[] = []
  const ended = Promise.withResolvers<ServiceError | undefined>()
  stream.on('data', (bytes: Buffer) => answers.push(fromBinary(AppendStreamResponseSchema, bytes).number))
  stream.on('error', (error: ServiceError) => ended.resolve(error))
  stream.on('end', () => ended.resolve(undefined))
  return { stream, answers, ended: ended.promise }
}

const outcomes = () => server.logged().flatMap(({ msg, outcome }) => (msg === 'request' ? [outcome] : []))

test('messages are answered in the order they came, however long each takes, and the stream ends when all are', async () => {
  isHeld = true
  const { stream, answers, ended } = grpc(dir)
  for (const number of [1n, 2n, 3n]) stream.write(numbered(number))
  stream.end()
  await expect.poll(() => taken.length).toBe(3)
  for (const { done } of taken.toReversed()) done.resolve()
  expect(await ended).toBeUndefined()
  expect(answers).toEqual([1n, 2n, 3n])
  await expect.poll(outcomes).toEqual(['ok'])
})

test('no more are worked on at a time than the talk says; the others wait with the caller', async () => {
  isHeld = true
  const { stream, answers } = grpc(dir)
  const large = Buffer.concat([numbered(9n), Buffer.from([0x9a, 0x3f, 0x80, 0x80, 0x20]), Buffer.alloc(524_288)])
  for (let n = 0; n < 8; n++) stream.write(large)
  await expect.poll(() => taken.length).toBe(3)
  taken[0]?.done.resolve()
  await expect.poll(() => [taken.length, answers.length]).toEqual([4, 1])
})

test('whoever is not meant is refused before anything is read', async () => {
  const other = grpc(await server.identity({ kind: 'service', name: 'grant-authz' }))
  other.stream.write(numbered(1n))
  expect(refusalOf(await other.ended)?.reason).toBe('CALLER_NOT_ALLOWED')
  expect(taken).toEqual([])
  await expect.poll(outcomes).toEqual(['CALLER_NOT_ALLOWED'])
})

test('a message that fails ends the stream with its reason, after the answers to those before it', async () => {
  isHeld = true
  const { stream, answers, ended } = grpc(dir)
  for (const number of [1n, 2n, 3n]) stream.write(numbered(number))
  await expect.poll(() => taken.length).toBe(3)
  taken[2]?.done.resolve()
  taken[1]?.done.reject(new Refusal('RECORD_UNAVAILABLE', 'the disk is full'))
  taken[0]?.done.resolve()
  expect(refusalOf(await ended)).toMatchObject({ reason: 'RECORD_UNAVAILABLE', message: 'the disk is full' })
  expect(answers).toEqual([1n])
  await expect.poll(outcomes).toEqual(['RECORD_UNAVAILABLE'])
})

test('a fault tells nothing of itself', async () => {
  isHeld = true
  const { stream, ended } = grpc(dir)
  stream.write(numbered(1n))
  await expect.poll(() => taken.length).toBe(1)
  taken[0]?.done.reject(new Error('password of the database'))
  expect(await ended).toMatchObject({ details: 'internal error' })
  await expect.poll(outcomes).toEqual(['fault'])
})

test('the deadline that a caller set ends the stream', async () => {
  isHeld = true
  const metadata = new Metadata()
  metadata.set('grpc-timeout', '200m')
  const { ended, stream } = grpc(dir, metadata)
  stream.write(numbered(1n))
  expect(refusalOf(await ended)?.reason).toBe('DEADLINE_EXCEEDED')
})

test('a message that is too long is refused', async () => {
  const long = grpc(dir)
  long.stream.write(Buffer.alloc(1_100_000))
  expect(refusalOf(await long.ended)?.reason).toBe('MESSAGE_TOO_LARGE')
  expect(taken).toEqual([])
})

test.each([
  ['cut off', framed(numbered(2n)).subarray(0, -1), '3'],
  ['packed', Buffer.from([1, 0, 0, 0, 0]), '3'],
])('a message that is %s is refused, after the answer to the one before it', async (_, bytes, status) => {
  const { cert, key, ca } = readTlsFiles(dir)
  const session = connect(`https://127.0.0.1:${server.port}`, { cert, key, ca, checkServerIdentity: () => undefined })
  const stream = session.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' })
  const answers: Buffer[] = []
  const trailers = Promise.withResolvers<IncomingHttpHeaders>()
  stream.on('data', (answer: Buffer) => answers.push(answer))
  stream.on('trailers', trailers.resolve)
  stream.end(Buffer.concat([framed(numbered(1n)), bytes]))
  expect((await trailers.promise)['grpc-status']).toBe(status)
  expect(Buffer.concat(answers)).toEqual(framed(await answer(numbered(1n))))
  session.destroy()
})

test('a server that stops says so on the stream', async () => {
  const { stream, answers, ended } = grpc(dir)
  stream.write(numbered(1n))
  await expect.poll(() => answers.length).toBe(1)
  const stopped = server.stopServing()
  expect(refusalOf(await ended)?.reason).toBe('SERVICE_UNAVAILABLE')
  await stopped
})

test('a caller that goes away is recorded as gone', async () => {
  isHeld = true
  const { stream } = grpc(dir)
  stream.write(numbered(1n))
  await expect.poll(() => taken.length).toBe(1)
  stream.cancel()
  await expect.poll(outcomes).toEqual(['canceled'])
})

test('in another protocol the same method is answered by its handler', async () => {
  const client = createClient(AuditLedgerService, server.optionsFor(dir), server.signal)
  async function* one() {
    yield { number: 1n, entries: [{ id: '01930000-0000-7000-8000-000000000001', log: 'platform', action: 'a' }] }
  }
  const numbers: bigint[] = []
  for await (const { number } of client.appendStream(one())) numbers.push(number)
  expect(numbers).toEqual([1_001n])
})

test('our own client of talks is answered, hears refusals, and says that it hung up', async () => {
  const hangUp = new AbortController()
  const answers = [Promise.withResolvers<bigint>(), Promise.withResolvers<bigint>()]
  const openTalk = openTalks(server.optionsFor(dir), server.signal)
  let at = 0
  const onAnswer = (bytes: Buffer) => answers[at++]?.resolve(fromBinary(AppendStreamResponseSchema, bytes).number)
  const talk = await openTalk(METHOD, onAnswer, hangUp.signal)
  for (const number of [7n, 8n]) talk.send(framed(numbered(number)))
  expect(await Promise.all(answers.map(({ promise }) => promise))).toEqual([7n, 8n])
  hangUp.abort()
  await expect(talk.ended).rejects.toThrow('the caller hung up')

  const stranger = openTalks(
    server.optionsFor(await server.identity({ kind: 'service', name: 'grant-authz' })),
    server.signal,
  )
  const refused = await stranger(METHOD, onAnswer, server.signal)
  await expectRefusal(refused.ended, 'CALLER_NOT_ALLOWED')
})

test('our own client of talks meets nobody but the server it means, and no server that is not there', async () => {
  const somebodyElse = openTalks({ ...server.optionsFor(dir), server: 'audit-ledger', patienceMs: 0 }, server.signal)
  await expect(somebodyElse(METHOD, () => {}, server.signal)).rejects.toThrow('not spiffe://')
  await server.stopServing()
  const nobody = openTalks({ ...server.optionsFor(dir), patienceMs: 0 }, server.signal)
  await expect(nobody(METHOD, () => {}, server.signal)).rejects.toThrow('cannot be reached')
})
