import { X509Certificate } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { readTlsFiles, spiffeIdOf } from '@powernode/identity'
import { Health, HealthCheckResponse_ServingStatus } from '@powernode/proto/grpc/health/v1/health_pb.ts'

export type Target = { readonly address: string; readonly service: string; readonly trustDomain: string }

/** Waits until a server says SERVING over mutual TLS, and is who it should be. Rejects when `signal` aborts. */
export async function waitUntilServing(target: Target, identityDir: string, signal: AbortSignal): Promise<void> {
  const { cert, key, ca } = readTlsFiles(identityDir)
  const wanted = `spiffe://${target.trustDomain}/service/${target.service}`
  const transport = createGrpcTransport({
    baseUrl: `https://${target.address}`,
    idleConnectionTimeoutMs: 1_000,
    nodeOptions: {
      cert,
      key,
      ca,
      minVersion: 'TLSv1.3',
      servername: target.trustDomain,
      checkServerIdentity: (_host, { raw }) => {
        const id = spiffeIdOf(new X509Certificate(raw))
        const shown = id === undefined ? 'nobody' : `spiffe://${id.trustDomain}/${id.kind}/${id.name}`
        return shown === wanted ? undefined : new Error(`the server at ${target.address} is ${shown}, not ${wanted}`)
      },
    },
  })
  const health = createClient(Health, transport)
  let last: unknown
  while (!signal.aborted) {
    try {
      const { status } = await health.check({}, { timeoutMs: 2_000, signal })
      if (status === HealthCheckResponse_ServingStatus.SERVING) return
      last = `its health is ${status}, not ${HealthCheckResponse_ServingStatus.SERVING} (SERVING)`
    } catch (error) {
      last = error
    }
    await wait(80, undefined, { signal }).catch(() => undefined)
  }
  const why = last instanceof Error ? last.message : String(last)
  throw new Error(`${target.service} at ${target.address} does not serve: ${why}`)
}
