import { create, type DescFile, type DescService } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { Code } from '@connectrpc/connect'
import {
  ErrorResponseSchema,
  ExtensionNumberResponseSchema,
  FileDescriptorResponseSchema,
  ListServiceResponseSchema,
  ServerReflection,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '@powernode/proto/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionAlpha } from '@powernode/proto/grpc/reflection/v1alpha/reflection_pb.ts'
import { DETAIL_FILES } from '../errors/details.ts'
import { Refusal } from '../errors/refusal.ts'
import { encode, encodeWithImports, indexDescriptors, type DescriptorIndex } from './descriptor-index.ts'
import { mountForEverybody, type Mount } from './mount.ts'

type Answer = ServerReflectionResponse['messageResponse']

/**
 * Server reflection, so that grpcurl and its like need no proto files. v1, and v1alpha for older clients: on the wire
 * the two are the same messages under another package, so one implementation answers both. What errors carry is handed
 * out as well, so that a tool can show a refusal's details.
 */
export function reflection(services: readonly DescService[]): Mount[] {
  const served = [...services, ServerReflection, ServerReflectionAlpha]
  const known = {
    index: indexDescriptors([...served.map(({ file }) => file), ...DETAIL_FILES]),
    services: served.map(({ typeName }) => typeName),
  }

  async function* serverReflectionInfo(
    requests: AsyncIterable<ServerReflectionRequest>,
  ): AsyncGenerator<ServerReflectionResponse> {
    const sent = new Set<string>()
    for await (const request of requests) {
      const messageResponse = answer(request.messageRequest, known, sent)
      yield create(ServerReflectionResponseSchema, {
        validHost: request.host,
        originalRequest: request,
        messageResponse,
      })
    }
  }

  const handlers: ServiceImpl<typeof ServerReflection> = { serverReflectionInfo }
  return [
    mountForEverybody(ServerReflection, handlers),
    mountForEverybody(ServerReflectionAlpha, handlers as unknown as ServiceImpl<typeof ServerReflectionAlpha>), // same fields, see above
  ]
}

function answer(
  asked: ServerReflectionRequest['messageRequest'],
  { index, services }: { readonly index: DescriptorIndex; readonly services: readonly string[] },
  sent: Set<string>,
): Answer {
  switch (asked.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse',
        value: create(ListServiceResponseSchema, { service: services.map((name) => ({ name })) }),
      }
    case 'fileByFilename':
      return fileOr(index.byName(asked.value), `file ${asked.value}`, sent)
    case 'fileContainingSymbol':
      return fileOr(index.bySymbol(asked.value), `symbol ${asked.value}`, sent)
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value
      return fileOr(
        index.byExtension(containingType, extensionNumber),
        `extension ${containingType}/${extensionNumber}`,
        sent,
      )
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionsOf(asked.value)
      if (!extensionNumber) return notFound(`type ${asked.value}`)
      const value = create(ExtensionNumberResponseSchema, { baseTypeName: asked.value, extensionNumber })
      return { case: 'allExtensionNumbersResponse', value }
    }
    default:
      throw new Refusal('REQUEST_INVALID', 'message_request is required')
  }
}

/** The file with what it imports, as far as this stream has not carried it yet; asked for again, the file alone. */
function fileOr(file: DescFile | undefined, what: string, sent: Set<string>): Answer {
  if (!file) return notFound(what)
  const fileDescriptorProto = sent.has(file.proto.name) ? [encode(file)] : encodeWithImports(file, sent)
  return { case: 'fileDescriptorResponse', value: create(FileDescriptorResponseSchema, { fileDescriptorProto }) }
}

function notFound(what: string): Answer {
  const value = create(ErrorResponseSchema, { errorCode: Code.NotFound, errorMessage: `${what} not found` })
  return { case: 'errorResponse', value }
}
