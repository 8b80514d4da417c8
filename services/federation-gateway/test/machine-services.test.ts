import { createSecureContext } from 'node:tls'
import { ChannelCredentials, Client, Metadata, type ServiceError } from '@grpc/grpc-js'
import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Health, HealthCheckResponse_ServingStatus as Status } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '@powernode/proto/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as Alpha } from '@powernode/proto/grpc/reflection/v1alpha/reflection_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { systemClock } from '@powernode/clock'
import { Caller, type Shown } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { startWorld, until, type World } from './world.ts'

let world: World
let b: Platform
let operator: Shown

beforeAll(async () => {
  ;[world, b] = await Promise.all([startWorld(), makePlatform('b.example')])
  operator = (await world.platform.identity('operator', 'alice')).material
})
afterAll(() => world.stop())

/** The services a server lists by reflection, as grpcurl asks: one stream, one question. */
function listed(shown: Shown | undefined, serverName: string, service: string): Promise<string[]> {
  const context = createSecureContext({ ...shown })
  const client = new Client(
    `127.0.0.1:${world.door}`,
    ChannelCredentials.createFromSecureContext(context, { rejectUnauthorized: false }),
    { 'grpc.ssl_target_name_override': serverName, 'grpc.use_local_subchannel_pool': 1 },
  )
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const asItIs = (bytes: Buffer) => bytes
  const deadline = new Date(systemClock.now().getTime() + 10_000)
  const stream = client.makeBidiStreamRequest(`/${service}/ServerReflectionInfo`, asItIs, asItIs, new Metadata(), {
    deadline,
  })
  stream.on('data', (bytes: Buffer) => {
    const { messageResponse } = fromBinary(ServerReflectionResponseSchema, bytes)
    resolve(
      messageResponse.case === 'listServicesResponse' ? messageResponse.value.service.map(({ name }) => name) : [],
    )
    stream.end()
  })
  stream.on('error', (error: ServiceError) => reject(error))
  const request = create(ServerReflectionRequestSchema, { messageRequest: { case: 'listServices', value: '' } })
  stream.write(Buffer.from(toBinary(ServerReflectionRequestSchema, request)))
  return promise.finally(() => client.close())
}

describe.each([ServerReflection.typeName, Alpha.typeName])('reflection by %s', (service) => {
  test('tells an operator of ours what is served, under whatever server name', async () => {
    const names = await listed(operator, 'localhost', service)
    expect(names.toSorted()).toEqual(
      [
        'powernode.federation.v1.FederationService',
        Health.typeName,
        ServerReflection.typeName,
        Alpha.typeName,
      ].toSorted(),
    )
  })

  test('tells a peer', async () => {
    world.registry.put(routeTo(b))
    await until(() =>
      listed(b.gateway, 'b.example', service).then(
        (names) => names.length === 4,
        () => false,
      ),
    )
  })

  test('tells nobody who shows no certificate', async () => {
    await expectRefusal(listed(undefined, 'localhost', service), 'CERTIFICATE_REQUIRED')
  })
})

test('a suspended peer is not told either', async () => {
  const c = await makePlatform('c.example')
  world.registry.put(routeTo(c, { state: PeerState.SUSPENDED }))
  const reason = (error: unknown) => refusalOf(error)?.reason
  await until(() =>
    listed(c.gateway, 'c.example', Alpha.typeName)
      .catch(reason)
      .then((said) => said === 'PEER_SUSPENDED'),
  )
})

test('health answers an operator, for the server and for its service', async () => {
  const caller = new Caller(world.door, operator)
  for (const service of ['', 'powernode.federation.v1.FederationService']) {
    // A gateway that has just come, or that a busy machine held up, is not sure of its policy for a moment, and says so.
    await until(async () => (await caller.call(Health.method.check, { service })).status === Status.SERVING)
  }
  await expectRefusal(caller.call(Health.method.check, { service: 'nothing.of.ours' }), 'SERVICE_UNKNOWN')
  caller.close()
})

test('health says nothing to strangers', async () => {
  const caller = new Caller(world.door, undefined)
  await expectRefusal(caller.call(Health.method.check, { service: '' }), 'CERTIFICATE_REQUIRED')
  caller.close()
})
