import { Refusal } from '@powernode/rpc'
import type { Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'

type Named = { readonly kind: string; readonly id: string }

/** Refuses what a peer answers with that is not what it was asked for: our caller would take one for the other. */
export function checkAsAsked(resources: readonly (Resource | undefined)[], { kind, id }: Named): void {
  if (resources.every((resource) => resource?.kind === kind && (id === '' || resource.id === id))) return
  throw new Refusal('PEER_UNREACHABLE', 'the peer answered with another resource than was asked for')
}
