import { isMessage } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { BadRequestSchema } from '@powernode/proto/google/rpc/error_details_pb.ts'
import { Health } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { ServerReflection } from '@powernode/proto/grpc/reflection/v1/reflection_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { callerText, mount, Refusal, refusalOf, requestOf, type CallersTable } from './index.ts'
import { expectRefusal, partly, refusesEverybodyElse, startTestServer } from './testing.ts'

const alice = { kind: 'operator', name: 'alice' } as const
const liveness = { kind: 'service', name: 'liveness' } as const

const CALLERS: CallersTable<typeof CertificateAuthorityService> = {
  getAuthority: ['operator', 'service/liveness'],
  listCertificates: ['operator'],
  issueCertificate: ['operator'],
  renewOwnCertificate: ['operator', 'service/liveness'],
  revokeCertificate: ['operator'],
  revokeIdentity: [],
  watchTrust: ['service/liveness'],
  reportTrust: ['service/liveness'],
  planRotation: ['operator'],
  getRotation: [],
  applyRotation: ['operator'],
}

function start(handlers: Parameters<typeof partly<typeof CertificateAuthorityService>>[1]) {
  return startTestServer(mount(CertificateAuthorityService, partly(CertificateAuthorityService, handlers), CALLERS))
}

test('a caller in the table is answered, and the handler knows who it was', async () => {
  const server = start({ getAuthority: (_, context) => ({ trustDomain: requestOf(context).actor }) })
  for (const caller of [alice, liveness]) {
    const { trustDomain } = await server.clientAs(CertificateAuthorityService, caller).getAuthority({})
    expect(trustDomain).toBe(callerText(caller))
  }
})

test('every RPC refuses every caller that is not in its table, and strangers', async () => {
  const server = start({})
  await expect(refusesEverybodyElse(CertificateAuthorityService, CALLERS, server.clientAs)).resolves.toBeUndefined()
})

test('the walk over all callers notices a caller that is let in', async () => {
  const server = start({})
  const stricter = { ...CALLERS, reportTrust: [] }
  await expect(refusesEverybodyElse(CertificateAuthorityService, stricter, server.clientAs)).rejects.toThrow(
    'ReportTrust as service/liveness',
  )
})

test('a refusal arrives with its reason, its facts and what to do next', async () => {
  const server = start({
    planRotation: () => {
      throw new Refusal('ROTATION_IN_PROGRESS', 'a rotation is under way', {
        metadata: { rotation_id: 'r1' },
        next: 'fedctl ca rotate apply',
        retryAfterMs: 1_500,
      })
    },
  })
  const refusal = await expectRefusal(
    server.clientAs(CertificateAuthorityService, alice).planRotation({}),
    'ROTATION_IN_PROGRESS',
  )
  expect(refusal).toMatchObject({
    message: 'a rotation is under way',
    status: Code.FailedPrecondition,
    metadata: { rotation_id: 'r1' },
    next: 'fedctl ca rotate apply',
    retryAfterMs: 1_500,
  })
})

test('a fault says nothing of itself but the request id, under which the log has it all', async () => {
  const server = start({
    getAuthority: () => {
      throw new Error('password=hunter2')
    },
  })
  const call = server
    .clientAs(CertificateAuthorityService, alice)
    .getAuthority({}, { headers: { 'x-request-id': 'abcdefgh-1' } })
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  )
  expect(error).toMatchObject({ code: Code.Internal, rawMessage: 'internal error' })
  expect(refusalOf(error)).toBeUndefined()
  expect(JSON.stringify(error)).not.toContain('hunter2')
  expect(server.logged()).toEqual([
    expect.objectContaining({
      level: 'error',
      outcome: 'fault',
      request_id: 'abcdefgh-1',
      rpc: 'powernode.ca.v1.CertificateAuthorityService/GetAuthority',
    }),
  ])
})

test('a request that breaks a rule of its proto names the field', async () => {
  const server = start({})
  const call = server.clientAs(CertificateAuthorityService, alice).revokeCertificate({ serial: 'NOT HEX' })
  const { details, message } = await expectRefusal(call, 'REQUEST_INVALID')
  const [bad] = details
  expect(message).toContain('serial')
  expect(isMessage(bad, BadRequestSchema) && bad.fieldViolations.map(({ field }) => field)).toEqual(['serial'])
})

test('a message of more than a mebibyte is refused before it is read', async () => {
  const server = start({})
  const call = server
    .clientAs(CertificateAuthorityService, alice)
    .revokeCertificate({ serial: 'a', reason: 'x'.repeat(1_048_577) })
  expect((await expectRefusal(call, 'MESSAGE_TOO_LARGE')).metadata).toEqual({ limit_bytes: '1048576' })
})

test('a stream of messages may be longer than a mebibyte, none of them alone', async () => {
  const client = start({}).clientAs(ServerReflection, alice)
  async function ask(hostLength: number): Promise<number> {
    let answers = 0
    async function* questions() {
      for (let sent = 0; sent < 3; sent++) {
        yield { host: 'x'.repeat(hostLength), messageRequest: { case: 'listServices' as const, value: '' } }
      }
    }
    for await (const _ of client.serverReflectionInfo(questions())) answers++
    return answers
  }
  expect(await ask(700_000)).toBe(3)
  await expectRefusal(ask(1_100_000), 'MESSAGE_TOO_LARGE')
})

test('a stream ends on the server when its reader leaves the loop', async () => {
  const ended = Promise.withResolvers<string>()
  const server = start({
    async *watchTrust(_, { signal }) {
      signal.addEventListener('abort', () => ended.resolve('the handler was told'))
      for (let sequence = 1n; ; sequence++) yield { sequence }
    },
  })
  for await (const { sequence } of server.clientAs(CertificateAuthorityService, liveness).watchTrust({})) {
    if (sequence === 3n) break
  }
  expect(await ended.promise).toBe('the handler was told')
  await expect.poll(server.logged).toEqual([expect.objectContaining({ outcome: 'canceled' })])
})

test('a stream ends with a refusal when the server stops', async () => {
  const server = start({
    async *watchTrust() {
      yield { sequence: 1n }
      await new Promise(() => {}) // a handler that does not listen to its signal
    },
  })
  const stream = server.clientAs(CertificateAuthorityService, liveness).watchTrust({})[Symbol.asyncIterator]()
  expect((await stream.next()).value?.sequence).toBe(1n)
  const next = stream.next()
  server.stop()
  await expectRefusal(next, 'SERVICE_UNAVAILABLE')
  expect(server.logged()).toEqual([expect.objectContaining({ outcome: 'SERVICE_UNAVAILABLE' })])
})

test('a call ends at its deadline though its handler does not', async () => {
  const server = start({ getAuthority: () => new Promise(() => {}) })
  const call = server.clientAs(CertificateAuthorityService, alice).getAuthority({}, { timeoutMs: 20 })
  await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded })
})

test('request id and trace are taken from the caller when they are in order, and made when not', async () => {
  const server = start({
    getAuthority: (_, context) => ({
      trustDomain: requestOf(context).requestId,
      platformId: requestOf(context).traceparent,
    }),
  })
  const client = server.clientAs(CertificateAuthorityService, alice)
  const given = {
    'x-request-id': 'my-request-1',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  }
  const kept = await client.getAuthority({}, { headers: given })
  expect(kept.trustDomain).toBe('my-request-1')
  expect(kept.platformId).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/)
  const made = await client.getAuthority({}, { headers: { 'x-request-id': 'bad id\t', traceparent: 'nonsense' } })
  expect(made.trustDomain).toMatch(/^[0-9a-f-]{36}$/)
  expect(made.platformId).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
})

test('health is answered to everybody with a certificate, watched, and follows what is said of it', async () => {
  const server = start({})
  const health = server.clientAs(Health, { kind: 'service', name: 'anybody' })
  const name = CertificateAuthorityService.typeName
  expect(await health.check({})).toMatchObject({ status: 1 })
  const seen: number[] = []
  for await (const { status } of health.watch({ service: name })) {
    seen.push(status)
    if (seen.length === 1) server.health.set(name, false)
    if (seen.length === 2) break
  }
  expect(seen).toEqual([1, 2])
  await expectRefusal(health.check({ service: 'no.such.Service' }), 'SERVICE_UNKNOWN')
  await expectRefusal(server.clientAs(Health, undefined).check({}), 'CERTIFICATE_NOT_TRUSTED')
})

test('reflection lists what is served, and hands out its files', async () => {
  const server = start({})
  const client = server.clientAs(ServerReflection, alice)
  async function* questions() {
    yield { messageRequest: { case: 'listServices' as const, value: '' } }
    yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'powernode.ca.v1.WatchTrustRequest' } }
    yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'google.rpc.ErrorInfo' } }
    yield { messageRequest: { case: 'fileByFilename' as const, value: 'nothing.proto' } }
  }
  const answers = []
  for await (const { messageResponse } of client.serverReflectionInfo(questions())) answers.push(messageResponse)
  const [list, file, errors, missing] = answers
  expect(list?.case === 'listServicesResponse' && list.value.service.map(({ name }) => name)).toEqual([
    'powernode.ca.v1.CertificateAuthorityService',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
  ])
  expect(file?.case === 'fileDescriptorResponse' && file.value.fileDescriptorProto.length).toBeGreaterThan(1)
  expect(errors?.case).toBe('fileDescriptorResponse')
  expect(missing?.case).toBe('errorResponse')
})
