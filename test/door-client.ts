import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { credentials, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import {
  FederationService,
  type AcceptRequest,
  type AcceptResponse,
} from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { identityDir } from '@powernode/dev/layout'
import { grpcDefinition } from '@powernode/rpc'
import type { TestPlatform } from './mesh.ts'

const Door = makeGenericClientConstructor(grpcDefinition(FederationService), FederationService.typeName)

/** Calls Accept at a platform's door as anybody on the network can: gRPC, no client certificate. */
export async function callDoor(platform: TestPlatform, request: AcceptRequest): Promise<AcceptResponse> {
  const ca = readFileSync(join(identityDir(platform.platform, 'admin'), 'roots.pem'))
  const context = createSecureContext({ ca, minVersion: 'TLSv1.3' })
  const options = { 'grpc.ssl_target_name_override': 'localhost' }
  const client = new Door(
    `127.0.0.1:${platform.platform.ports.door}`,
    credentials.createFromSecureContext(context),
    options,
  )
  try {
    return await new Promise((resolve, reject) => {
      const accept = client['accept'] as (
        request: AcceptRequest,
        done: (error: ServiceError | null, answer: AcceptResponse) => void,
      ) => void
      accept.call(client, request, (error, answer) => (error ? reject(error) : resolve(answer)))
    })
  } finally {
    client.close()
  }
}
