import { Readable } from 'node:stream'
import { Metadata, type ClientReadableStream } from '@grpc/grpc-js'
import { FakeClock } from '@powernode/clock/testing'
import { expect, test } from 'vitest'
import { openStream } from './open-stream.ts'

/** A call as grpc-js makes it: a status that is not OK ends the stream, and is emitted in the same turn. */
function call() {
  const stream = new Readable({ objectMode: true, read() {} })
  const fail = (message: string) => {
    stream.push(null)
    stream.emit('error', new Error(message))
  }
  return { stream, fail, asCall: Object.assign(stream, { cancel() {} }) as unknown as ClientReadableStream<Buffer> }
}

const clock = new FakeClock()
const until = { clock, deadline: new Date(clock.now().getTime() + 1_000), signal: new AbortController().signal }

async function openedBy({ stream, asCall }: ReturnType<typeof call>) {
  const opening = openStream(asCall, until)
  stream.emit('metadata', new Metadata())
  return opening
}

test('what ends a stream before anybody reads it is met by whoever does', async () => {
  const peer = call()
  const { answers } = await openedBy(peer)
  peer.stream.push(Buffer.from('one'))
  peer.fail('revoked')
  const read: string[] = []
  const reading = (async () => {
    for await (const bytes of answers) read.push(bytes.toString())
  })()
  await expect(reading).rejects.toThrow('revoked')
  expect(read).toEqual(['one'])
})

test('a stream that does not begin in time is given up', async () => {
  const opening = openStream(call().asCall, until)
  await clock.sleeping()
  await Promise.all([expect(opening).rejects.toThrow('did not begin'), clock.advance(1_000)])
})
