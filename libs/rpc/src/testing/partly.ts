import type { DescService } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'

/** Handlers for the methods a test is about; calling any other is a fault. */
export function partly<S extends DescService>(service: S, some: Partial<ServiceImpl<S>>): ServiceImpl<S> {
  const rest = service.methods.map((method) => [
    method.localName,
    () => {
      throw new Error(`the test does not expect ${method.name}`)
    },
  ])
  return { ...Object.fromEntries(rest), ...some } as ServiceImpl<S> // every method has one or the other
}
