import { hash } from 'node:crypto'
import { clone, toBinary } from '@bufbuild/protobuf'
import { SpawnChildRequestSchema, type SpawnChildRequest } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'

/** What was asked for, without by which request: two that are the same are one spawn. */
export function digestOf(req: SpawnChildRequest): Buffer {
  const asked = clone(SpawnChildRequestSchema, req)
  asked.requestId = ''
  asked.dryRun = false
  return hash('sha256', toBinary(SpawnChildRequestSchema, asked), 'buffer')
}
