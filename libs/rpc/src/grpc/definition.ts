import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'

/** A service of protobuf-es as grpc-js wants it described, for clients (`client.makeUnaryRequest`) and servers alike. */
export function grpcDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map(({ name, localName, methodKind, input, output }) => [
      localName,
      {
        path: `/${service.typeName}/${name}`,
        originalName: localName,
        requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
        responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
        ...codec('request', input),
        ...codec('response', output),
      } as MethodDefinition<object, object>, // the two codecs make up the four functions it wants
    ]),
  )
}

function codec<D extends DescMessage>(side: 'request' | 'response', schema: D) {
  return {
    [`${side}Serialize`]: (message: MessageInitShape<D>) => Buffer.from(toBinary(schema, create(schema, message))),
    [`${side}Deserialize`]: (bytes: Buffer): MessageShape<D> => fromBinary(schema, bytes),
  }
}
