import { randomUUID } from 'node:crypto'
import { workerData } from 'node:worker_threads'
import { create, toBinary } from '@bufbuild/protobuf'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { systemClock } from '@powernode/clock'
import { readTlsFiles } from '@powernode/identity'
import { CheckAccessResponseSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { bytesDefinition } from '../../../services/federation-gateway/src/door/grpc-server.ts'
import { answerUntilStopped } from './measured-thread.ts'
import type { Around } from './neighbours.ts'

/**
 * What grpc-js can do by itself over the same TLS, with the client's certificate demanded and checked: takes the same
 * message, and answers with one as long as ours.
 */
const { dirs, peerRoot } = workerData as Around // as federated-call.ts gives it
const { cert, key } = readTlsFiles(dirs.gateway, systemClock.now())
const server = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_concurrent_streams': 256 })
const said = Buffer.from(
  toBinary(CheckAccessResponseSchema, create(CheckAccessResponseSchema, { decisionId: randomUUID() })),
)
const echo = (_call: unknown, answer: (error: null, bytes: Buffer) => void) => answer(null, said)
server.addService(
  bytesDefinition(FederationService),
  Object.fromEntries(FederationService.methods.map(({ localName }) => [localName, echo])),
)
const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }
const credentials = ServerCredentials.createSsl(Buffer.from(peerRoot), [pair], true)
const listening = Promise.withResolvers<number>()
server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
  error ? listening.reject(error) : listening.resolve(port),
)
await answerUntilStopped({ port: await listening.promise })
server.forceShutdown()
process.exit()
