import { X509Certificate } from 'node:crypto'
import { createSecureContext, type PeerCertificate } from 'node:tls'
import { setTimeout as wait } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import { readTlsFiles, spiffeIdOf } from '@powernode/identity'
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  type HealthCheckRequest,
  type HealthCheckResponse,
} from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { grpcDefinition } from '@powernode/rpc'

export type Target = { readonly address: string; readonly service: string; readonly trustDomain: string }

const HealthClient = makeGenericClientConstructor(grpcDefinition(Health), Health.typeName)
type Check = (
  request: HealthCheckRequest,
  options: { readonly deadline: number },
  done: (error: ServiceError | null, answer: HealthCheckResponse) => void,
) => void

/** A question costs its server a handshake: one that is slow to start is not made slower by being asked. */
const LONGEST_PAUSE_MS = 700
/** On a machine that is emulated, or shared by many, a handshake takes seconds. */
const ANSWER_MS = 10_000

/**
 * Waits until a server says SERVING over mutual TLS, and is who it should be. Rejects when `signal` aborts.
 *
 * Asks in gRPC, the one protocol that the services and the peers' door have in common.
 */
export async function waitUntilServing(target: Target, identityDir: string, signal: AbortSignal): Promise<void> {
  let last: unknown
  for (let pauseMs = 60; !signal.aborted; pauseMs = Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS)) {
    try {
      const status = await statusOf(target, identityDir)
      if (status === HealthCheckResponse_ServingStatus.SERVING) return
      last = `its health is ${status}, not ${HealthCheckResponse_ServingStatus.SERVING} (SERVING)`
    } catch (error) {
      last = error
    }
    await wait(pauseMs, undefined, { signal }).catch(() => undefined)
  }
  const why = last instanceof Error ? last.message : String(last)
  throw new Error(`${target.service} at ${target.address} does not serve: ${why}`)
}

/** One question over a connection of its own: the server may not be there yet, and none is kept when it is. */
async function statusOf(target: Target, identityDir: string): Promise<HealthCheckResponse_ServingStatus> {
  const { cert, key, ca } = readTlsFiles(identityDir)
  const context = createSecureContext({ cert, key, ca, minVersion: 'TLSv1.3' })
  const checkServerIdentity = (_host: string, shown: PeerCertificate) => wrongServer(target, shown)
  const client = new HealthClient(
    target.address,
    credentials.createFromSecureContext(context, { checkServerIdentity }),
    { 'grpc.ssl_target_name_override': target.trustDomain, 'grpc.use_local_subchannel_pool': 1 },
  )
  try {
    return await new Promise((resolve, reject) => {
      const check = client['check'] as unknown as Check // as grpcDefinition made it
      check.call(client, create(HealthCheckRequestSchema), { deadline: Date.now() + ANSWER_MS }, (error, answer) =>
        error ? reject(error) : resolve(answer.status),
      )
    })
  } finally {
    client.close()
  }
}

function wrongServer({ address, service, trustDomain }: Target, { raw }: PeerCertificate): Error | undefined {
  const id = spiffeIdOf(new X509Certificate(raw))
  const shown = id === undefined ? 'nobody' : `spiffe://${id.trustDomain}/${id.kind}/${id.name}`
  const wanted = `spiffe://${trustDomain}/service/${service}`
  return shown === wanted ? undefined : new Error(`the server at ${address} is ${shown}, not ${wanted}`)
}
