import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { Code } from '@connectrpc/connect'
import { Metadata, type StatusObject } from '@grpc/grpc-js'
import { StatusSchema } from '@powernode/proto/google/rpc/status_pb.ts'
import { refusalDetails, requestInfo } from './details.ts'
import { Refusal } from './refusal.ts'

/** What `toConnectError` is for Connect, for grpc-js: a status with its details in `grpc-status-details-bin`. */
export function toGrpcStatus(error: unknown, requestId?: string): StatusObject {
  const refusal = error instanceof Refusal ? error : undefined
  const code = refusal?.status ?? Code.Internal
  const message = refusal?.message ?? 'internal error'
  const details = refusal ? refusalDetails(refusal, requestId) : requestInfo(requestId)

  const status = create(StatusSchema, {
    code,
    message,
    details: details.map(({ desc, value }) => anyPack(desc, value)),
  })
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, status)))
  if (requestId) metadata.set('x-request-id', requestId)
  return { code: code as number, details: message, metadata } // Connect numbers statuses as gRPC does
}
